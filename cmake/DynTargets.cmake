# Functions that declare Dyn's libraries and tools, so that every folder's CMakeLists.txt is a list of files.

include_guard(GLOBAL)

# dyn_add_library(NAME SOURCES... [DEPENDS TARGET...] [LINK_LIBS [PUBLIC|PRIVATE] LIB...] [NO_MLIR])
#
# A static library, installed and exported as Dyn::NAME. NO_MLIR keeps MLIR's and LLVM's headers out of its reach.
function(dyn_add_library name)
  cmake_parse_arguments(ARG "NO_MLIR" "" "DEPENDS;LINK_LIBS" ${ARGN})
  add_library(Dyn${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  add_library(Dyn::${name} ALIAS Dyn${name})
  set_target_properties(Dyn${name} PROPERTIES EXPORT_NAME ${name})
  target_compile_features(Dyn${name} PUBLIC cxx_std_20)
  target_include_directories(Dyn${name} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
    $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/include>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  if(NOT ARG_NO_MLIR)
    target_include_directories(Dyn${name} SYSTEM PUBLIC ${MLIR_INCLUDE_DIRS} ${LLVM_INCLUDE_DIRS})
    # The two shared libraries and nothing else: one static MLIR or LLVM library beside them registers options twice.
    target_link_libraries(Dyn${name} PUBLIC MLIR LLVM)
  endif()
  if(ARG_DEPENDS)
    add_dependencies(Dyn${name} ${ARG_DEPENDS})
  endif()
  if(ARG_LINK_LIBS)
    target_link_libraries(Dyn${name} ${ARG_LINK_LIBS})
  endif()
  install(TARGETS Dyn${name} EXPORT DynTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
endfunction()

# dyn_add_tool(NAME SOURCES... LINK_LIBS LIB...): an executable, installed into bin.
function(dyn_add_tool name)
  cmake_parse_arguments(ARG "" "" "DEPENDS;LINK_LIBS" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE ${ARG_LINK_LIBS})
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
  set_target_properties(${name} PROPERTIES
    BUILD_RPATH "${PROJECT_BINARY_DIR}/lib;${LLVM_LIBRARY_DIR}"
    INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR};${LLVM_LIBRARY_DIR}")
  install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endfunction()

# dyn_add_unittest(NAME SOURCES... LINK_LIBS LIB...): a GoogleTest program, run by `ninja check-dyn` through lit.
function(dyn_add_unittest name)
  cmake_parse_arguments(ARG "" "" "LINK_LIBS" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE ${ARG_LINK_LIBS} GTest::gtest GTest::gmock GTest::gtest_main)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/unittests)
  add_dependencies(DynUnitTests ${name})
endfunction()
