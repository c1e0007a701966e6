# `ninja dyn-docs` writes docs/Ops.md and docs/Passes.md from ODS; test/Docs fails where they are out of date.

set(dyn_tblgen ${LLVM_TOOLS_BINARY_DIR}/mlir-tblgen -I ${PROJECT_SOURCE_DIR}/include -I ${LLVM_INCLUDE_DIRS})
add_custom_target(dyn-docs
  COMMAND ${dyn_tblgen} -gen-dialect-doc -dialect=dyn ${PROJECT_SOURCE_DIR}/include/Dyn/Dialect/DynOps.td
          -o ${PROJECT_SOURCE_DIR}/docs/Ops.md
  COMMAND ${dyn_tblgen} -gen-pass-doc ${PROJECT_SOURCE_DIR}/include/Dyn/Transforms/Passes.td
          -o ${PROJECT_SOURCE_DIR}/docs/Passes.md
  VERBATIM)
