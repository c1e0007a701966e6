# `cmake --install` and `find_package(Dyn CONFIG)`, for the install tree and the build tree alike.

include(CMakePackageConfigHelpers)
set(dyn_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/Dyn)

install(DIRECTORY include/Dyn DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h" PATTERN "*.td")
install(DIRECTORY ${PROJECT_BINARY_DIR}/include/Dyn DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
  FILES_MATCHING PATTERN "*.inc" PATTERN "CMakeFiles" EXCLUDE)
install(EXPORT DynTargets NAMESPACE Dyn:: DESTINATION ${dyn_package_dir})
configure_package_config_file(cmake/DynConfig.cmake.in ${PROJECT_BINARY_DIR}/cmake/DynConfig.cmake
  INSTALL_DESTINATION ${dyn_package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/cmake/DynConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/cmake/DynConfig.cmake ${PROJECT_BINARY_DIR}/cmake/DynConfigVersion.cmake
  DESTINATION ${dyn_package_dir})
export(EXPORT DynTargets NAMESPACE Dyn:: FILE ${PROJECT_BINARY_DIR}/cmake/DynTargets.cmake)
