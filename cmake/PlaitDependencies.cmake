# Each dependency, from wherever the machine has it: a Python wheel in the environment that builds, or the system.

if(PLAIT_PYTHON)
  find_package(Python 3.11 REQUIRED COMPONENTS Interpreter Development.Module)
else()
  find_package(Python 3.11 QUIET COMPONENTS Interpreter)
endif()

# Wheels put headers and CMake files under a prefix of their own: <prefix>/lib/cmake (oneDNN), <site-packages>/cmeel.prefix (fmt).
# sys.path, and not sys.prefix alone, because pip builds in a layered environment.
if(Python_Interpreter_FOUND)
  execute_process(
    COMMAND "${Python_EXECUTABLE}" -c [=[
import os, sys
seen = []
for site in sys.path:
    if os.path.basename(site) == "site-packages":
        seen += [os.path.join(site, "cmeel.prefix"), os.path.normpath(os.path.join(site, "..", "..", ".."))]
print(";".join(p for p in seen + [sys.prefix] if os.path.isdir(p)), end="")
]=]
    OUTPUT_VARIABLE plait_python_prefixes COMMAND_ERROR_IS_FATAL ANY)
endif()

if(PLAIT_PYTHON)
  set(PYBIND11_FINDPYTHON ON)
  if(NOT pybind11_DIR)
    execute_process(COMMAND "${Python_EXECUTABLE}" -m pybind11 --cmakedir
      OUTPUT_VARIABLE plait_pybind11_dir OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  endif()
  find_package(pybind11 3.0 CONFIG HINTS "${plait_pybind11_dir}")
  if(NOT pybind11_FOUND)
    message(FATAL_ERROR "pybind11 3 was not found for ${Python_EXECUTABLE}. Try: ${Python_EXECUTABLE} -m pip install 'pybind11>=3.1'")
  endif()
endif()

find_package(fmt 9 CONFIG QUIET HINTS ${plait_python_prefixes})
if(NOT fmt_FOUND)  # a version newer than asked for is refused by some of fmt's own version files
  find_package(fmt CONFIG QUIET HINTS ${plait_python_prefixes})
endif()
if(NOT fmt_FOUND OR fmt_VERSION VERSION_LESS 9)
  message(FATAL_ERROR "fmt 9 or newer was not found. Try: pip install cmeel-fmt, or: apt-get install libfmt-dev")
endif()

find_package(OpenMP REQUIRED COMPONENTS CXX)

if(PLAIT_ONEDNN)
  find_package(dnnl 3 CONFIG QUIET HINTS ${plait_python_prefixes})
  if(NOT dnnl_FOUND)
    message(FATAL_ERROR "oneDNN 3 was not found. Try: pip install onednn-cpu-gomp==2023.2.0 onednn-devel-cpu-gomp==2023.2.0, "
                        "or configure with -DPLAIT_ONEDNN=OFF (matmul and convolution then run much slower).")
  endif()
  if(NOT DNNL_CPU_THREADING_RUNTIME STREQUAL "OMP")
    message(FATAL_ERROR "This oneDNN runs its threads by ${DNNL_CPU_THREADING_RUNTIME}; plait shares one OpenMP pool with it. "
                        "Try the wheels onednn-cpu-gomp and onednn-devel-cpu-gomp, or -DPLAIT_ONEDNN=OFF.")
  endif()

  # One real file, stripped (55 MB become 44), beside our own libraries: a wheel needs no oneDNN package at run time.
  get_target_property(plait_dnnl_file DNNL::dnnl IMPORTED_LOCATION_RELEASE)
  if(NOT plait_dnnl_file)
    get_target_property(plait_dnnl_file DNNL::dnnl LOCATION)
  endif()
  set(PLAIT_DNNL_LIBRARY "${PROJECT_BINARY_DIR}/python/plait/lib/libdnnl.so.3")
  if(CMAKE_STRIP)
    set(plait_copy_dnnl "${CMAKE_STRIP}" --strip-unneeded -o "${PLAIT_DNNL_LIBRARY}" "${plait_dnnl_file}")
  else()
    set(plait_copy_dnnl "${CMAKE_COMMAND}" -E copy "${plait_dnnl_file}" "${PLAIT_DNNL_LIBRARY}")
  endif()
  add_custom_command(OUTPUT "${PLAIT_DNNL_LIBRARY}"
    COMMAND "${CMAKE_COMMAND}" -E make_directory "${PROJECT_BINARY_DIR}/python/plait/lib"
    COMMAND ${plait_copy_dnnl}
    DEPENDS "${plait_dnnl_file}" COMMENT "Copying and stripping libdnnl.so.3" VERBATIM)
  add_custom_target(plait_dnnl_copy DEPENDS "${PLAIT_DNNL_LIBRARY}")

  get_target_property(plait_dnnl_include DNNL::dnnl INTERFACE_INCLUDE_DIRECTORIES)
  add_library(plait_dnnl SHARED IMPORTED)
  add_dependencies(plait_dnnl plait_dnnl_copy)
  set_target_properties(plait_dnnl PROPERTIES
    IMPORTED_LOCATION "${PLAIT_DNNL_LIBRARY}" IMPORTED_SONAME libdnnl.so.3
    INTERFACE_INCLUDE_DIRECTORIES "${plait_dnnl_include}")
endif()
