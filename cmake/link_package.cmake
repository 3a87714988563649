# Fills the build folder's package with links to the Python files and the headers. Arguments: SOURCE, PACKAGE.
file(MAKE_DIRECTORY "${PACKAGE}/include/plait")

function(link_all from to)
  file(GLOB present LIST_DIRECTORIES true RELATIVE "${to}" "${to}/*")
  foreach(name IN LISTS present)  # what was renamed or removed in the source
    if(IS_SYMLINK "${to}/${name}" AND NOT EXISTS "${to}/${name}")
      file(REMOVE "${to}/${name}")
    endif()
  endforeach()
  foreach(path IN LISTS ARGN)
    get_filename_component(name "${path}" NAME)
    if(NOT IS_SYMLINK "${to}/${name}")
      file(CREATE_LINK "${path}" "${to}/${name}" SYMBOLIC)
    endif()
  endforeach()
endfunction()

file(GLOB python_files LIST_DIRECTORIES true "${SOURCE}/bindings/plait/*")
list(FILTER python_files EXCLUDE REGEX "/(__pycache__|lib|include|[^/]*\\.so)$")
link_all("${SOURCE}/bindings/plait" "${PACKAGE}" ${python_files})

# The public headers: #include <plait/extension.h>.
file(GLOB public_headers "${SOURCE}/include/plait/*.h")
link_all("${SOURCE}/include/plait" "${PACKAGE}/include/plait" ${public_headers})
