# What Dyn is built from: MLIR and LLVM as two shared libraries, protobuf with the ONNX schema, JSON and DLPack headers.

# MLIR's version file accepts major.minor only; Dyn is written against the C++ API of one major version.
find_package(MLIR REQUIRED CONFIG)
if(NOT LLVM_VERSION_MAJOR EQUAL 22)
  message(FATAL_ERROR "Dyn needs MLIR 22, found ${LLVM_PACKAGE_VERSION} in ${MLIR_DIR}")
endif()
message(STATUS "MLIR ${LLVM_PACKAGE_VERSION} in ${MLIR_DIR}")

list(APPEND CMAKE_MODULE_PATH ${MLIR_CMAKE_DIR} ${LLVM_CMAKE_DIR})
set(MLIR_LINK_MLIR_DYLIB ON) # Not exported by MLIRConfig; AddMLIR reads it.
set(LLVM_TABLEGEN_EXE ${LLVM_TOOLS_BINARY_DIR}/llvm-tblgen) # For option tables.
set(LLVM_RUNTIME_OUTPUT_INTDIR ${PROJECT_BINARY_DIR}/bin)
set(LLVM_LIBRARY_OUTPUT_INTDIR ${PROJECT_BINARY_DIR}/lib)
set(MLIR_BINARY_DIR ${PROJECT_BINARY_DIR})
# LLVMConfig points at a lit that Debian does not ship.
set(LLVM_EXTERNAL_LIT ${LLVM_TOOLS_BINARY_DIR}/lit CACHE FILEPATH "The lit test runner")
# HandleLLVMOptions adds -UNDEBUG with this on, -DNDEBUG comes with the build type otherwise.
set(LLVM_ENABLE_ASSERTIONS ${DYN_ENABLE_ASSERTIONS})
include(TableGen)
include(AddLLVM)
include(AddMLIR)
include(HandleLLVMOptions)
separate_arguments(llvm_definitions NATIVE_COMMAND "${LLVM_DEFINITIONS}")
add_definitions(${llvm_definitions})
if(DYN_SANITIZE)
  add_compile_options(-fsanitize=${DYN_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${DYN_SANITIZE})
endif()
if(DYN_BUILD_FUZZERS)
  add_compile_options(-fsanitize=fuzzer-no-link) # Coverage, which guides the fuzzers.
endif()

find_package(Protobuf REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(Threads REQUIRED)
find_path(ONNX_PROTO_DIR onnx/onnx.proto REQUIRED DOC "Folder that holds onnx/onnx.proto (Debian: libonnx-dev)")
find_path(DLPACK_INCLUDE_DIR dlpack/dlpack.h REQUIRED DOC "Folder that holds dlpack/dlpack.h (Debian: libdlpack-dev)")
find_path(XXHASH_INCLUDE_DIR xxhash.h REQUIRED DOC "Folder that holds xxhash.h (Debian: libxxhash-dev)")
