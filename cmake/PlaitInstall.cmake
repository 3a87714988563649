# Everything lives in the package folder plait/, so that a wheel is complete: module, libraries, headers, CMake package.
include(CMakePackageConfigHelpers)

install(TARGETS plait LIBRARY DESTINATION plait/lib)
if(TARGET plait_onednn)
  install(TARGETS plait_onednn LIBRARY DESTINATION plait/lib)
  install(FILES "${PLAIT_DNNL_LIBRARY}" DESTINATION plait/lib
          PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
endif()
if(TARGET plait_cuda)
  install(TARGETS plait_cuda LIBRARY DESTINATION plait/lib)
endif()
if(TARGET _C)
  install(TARGETS _C LIBRARY DESTINATION plait)
  if(NOT SKBUILD)  # scikit-build-core packs the Python files itself
    install(DIRECTORY bindings/plait/ DESTINATION plait
      FILES_MATCHING PATTERN "*.py" PATTERN "*.pyi" PATTERN "py.typed" PATTERN "__pycache__" EXCLUDE)
  endif()
endif()

# The public headers: #include <plait/extension.h>.
file(GLOB headers CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/include/plait/*.h")
install(FILES ${headers} DESTINATION plait/include/plait)

# find_package(plait): the same files in the build folder's package and in an installed one.
configure_file(cmake/plaitConfig.cmake.in "${PLAIT_PACKAGE_DIR}/lib/cmake/plait/plaitConfig.cmake" @ONLY)
write_basic_package_version_file("${PLAIT_PACKAGE_DIR}/lib/cmake/plait/plaitConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion)
install(DIRECTORY "${PLAIT_PACKAGE_DIR}/lib/cmake/plait" DESTINATION plait/lib/cmake)
