# Everything lives in the package folder plait/, so that a wheel is complete: module, libraries, headers, CMake package.
include(CMakePackageConfigHelpers)

install(TARGETS plait EXPORT plaitTargets LIBRARY DESTINATION plait/lib)
if(TARGET plait_onednn)
  install(TARGETS plait_onednn LIBRARY DESTINATION plait/lib)
  install(FILES "${PLAIT_DNNL_LIBRARY}" DESTINATION plait/lib
          PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
endif()
if(TARGET _C)
  install(TARGETS _C LIBRARY DESTINATION plait)
  if(NOT SKBUILD)  # scikit-build-core packs the Python files itself
    install(DIRECTORY bindings/plait/ DESTINATION plait
      FILES_MATCHING PATTERN "*.py" PATTERN "*.pyi" PATTERN "py.typed" PATTERN "__pycache__" EXCLUDE)
  endif()
endif()

# Outside ops write #include "core/op.h" or <plait/core/op.h>; both resolve.
foreach(folder core autograd ops ops/decl)
  file(GLOB headers CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/${folder}/*.h")
  install(FILES ${headers} DESTINATION plait/include/plait/${folder})
endforeach()
file(GLOB headers CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/plait/*.h")
install(FILES ${headers} DESTINATION plait/include/plait)

set(plait_cmake_dir plait/lib/cmake/plait)
install(EXPORT plaitTargets NAMESPACE plait:: DESTINATION ${plait_cmake_dir})
configure_package_config_file(cmake/plaitConfig.cmake.in "${PROJECT_BINARY_DIR}/plaitConfig.cmake"
  INSTALL_DESTINATION ${plait_cmake_dir} NO_SET_AND_CHECK_MACRO NO_CHECK_REQUIRED_COMPONENTS_MACRO)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/plaitConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/plaitConfig.cmake" "${PROJECT_BINARY_DIR}/plaitConfigVersion.cmake"
        DESTINATION ${plait_cmake_dir})
