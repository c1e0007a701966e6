//===- Inlining.cpp - Calls between functions of dyn operations -----------===//

#include "Inlining.h"

using namespace mlir;
using namespace mlir::dyn;

/// Whether `name` occurs in the type of one of `function`'s arguments.
static bool isGivenByArguments(FunctionOpInterface function, StringAttr name) {
  bool given = false;
  for (Type type : function.getArgumentTypes())
    if (auto tensor = dyn_cast<DynTensorType>(type))
      for (DimAttr dim : tensor.getShape())
        dim.walkSymbols([&](StringAttr symbol) { given |= symbol == name; });
  return given;
}

bool DynInlinerInterface::isLegalToInline(Operation *op, Region *destination,
                                          bool, IRMapping &) const {
  auto callee = op->getParentOfType<FunctionOpInterface>();
  if (!callee)
    return true;
  // Types in the body were inferred with what the callee knows of its symbols.
  auto lookup = [](DictionaryAttr symbols, StringAttr name) {
    return symbols ? symbols.get(name) : Attribute();
  };
  DictionaryAttr known = getSymbols(callee.getOperation()),
                 here = getSymbols(destination->getParentOp());
  for (DictionaryAttr symbols : {known, here})
    if (symbols)
      for (NamedAttribute entry : symbols)
        if (isGivenByArguments(callee, entry.getName()) &&
            lookup(known, entry.getName()) != lookup(here, entry.getName()))
          return false;
  // A symbol that is born in the body would be born again by the next call.
  bool legal = true;
  for (Type type : op->getResultTypes())
    if (auto tensor = dyn_cast<DynTensorType>(type))
      for (DimAttr dim : tensor.getShape())
        dim.walkSymbols([&](StringAttr name) {
          legal &= isGivenByArguments(callee, name);
        });
  return legal;
}
