//===- PrepareEntry.cpp - Choose a model's function and say what it is ----===//

#include "PrepareEntry.h"
#include "Dyn/Dialect/SymbolicDim.h"
#include "Dyn/Transforms/EntryAttributes.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace mlir::dyn;

Result<func::FuncOp> dyn::selectEntry(ModuleOp module, StringRef name) {
  SmallVector<func::FuncOp> candidates;
  for (auto function : module.getOps<func::FuncOp>())
    if (!function.isPrivate() && !function.isExternal())
      candidates.push_back(function);
  std::vector<std::string> names;
  for (func::FuncOp function : candidates)
    names.push_back("'" + function.getSymName().str() + "'");
  std::string list = llvm::join(names, ", ");
  if (candidates.empty())
    return Error("the model has no public function with a body");
  if (name.empty() && candidates.size() > 1)
    return Error("the model has several functions: choose one of " + list +
                 " with --entry");
  func::FuncOp entry;
  for (func::FuncOp function : candidates)
    if (name.empty() || function.getSymName() == name)
      entry = function;
  if (!entry)
    return Error("the model has no function '" + name.str() +
                 "', expects one of " + list);
  for (func::FuncOp function : candidates) {
    if (function == entry)
      continue;
    // Others may still be called; if not, nothing of them is compiled.
    if (SymbolTable::symbolKnownUseEmpty(function, module))
      function.erase();
    else
      function.setPrivate();
  }
  return entry;
}

/// The dyn type of an argument on a builtin tensor: each open size is a symbol
/// of its own, "x_0".
static DynTensorType describe(RankedTensorType type, StringRef name) {
  MLIRContext *context = type.getContext();
  SmallVector<DimAttr> shape;
  for (auto [axis, size] : llvm::enumerate(type.getShape()))
    shape.push_back(ShapedType::isDynamic(size)
                        ? DimAttr::getSymbol(StringAttr::get(
                              context, (name + "_" + Twine(axis)).str()))
                        : DimAttr::get(context, size));
  return DynTensorType::get(shape, type.getElementType());
}

static Result<> checkType(Type type, const Twine &what) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (tensor && DynTensorType::isValidElementType(tensor.getElementType()))
    return {};
  std::string text;
  llvm::raw_string_ostream(text) << type;
  return Error((what + " is " + text +
                ", expects a ranked tensor of f16, bf16, f32, f64, i1, i8, "
                "i16, i32, i64 or ui8")
                   .str());
}

Result<> dyn::describeEntry(func::FuncOp entry) {
  Builder builder(entry.getContext());
  for (auto [i, type] : llvm::enumerate(entry.getArgumentTypes())) {
    if (isa<DynTensorType>(type) || entry.getArgAttr(i, kTypeAttr))
      continue;
    if (auto checked = checkType(type, "argument " + Twine(i) + " of '" +
                                           entry.getSymName() + "'");
        !checked)
      return checked;
    auto name = entry.getArgAttrOfType<StringAttr>(i, DynDialect::kNameAttr);
    if (!name) {
      name = builder.getStringAttr("arg" + Twine(i));
      entry.setArgAttr(i, DynDialect::kNameAttr, name);
    }
    entry.setArgAttr(
        i, kTypeAttr,
        TypeAttr::get(describe(cast<RankedTensorType>(type), name)));
  }
  for (auto [i, type] : llvm::enumerate(entry.getResultTypes())) {
    if (isa<DynTensorType>(type) || entry.getResultAttr(i, kTypeAttr))
      continue;
    if (auto checked = checkType(type, "result " + Twine(i) + " of '" +
                                           entry.getSymName() + "'");
        !checked)
      return checked;
    if (!entry.getResultAttr(i, DynDialect::kNameAttr))
      entry.setResultAttr(i, DynDialect::kNameAttr,
                          builder.getStringAttr("result" + Twine(i)));
    entry.setResultAttr(i, kTypeAttr,
                        TypeAttr::get(DynTensorType::fromBuiltin(
                            cast<RankedTensorType>(type))));
  }
  return {};
}

/// The symbols in the types of a function's arguments, in their order.
static llvm::SetVector<StringAttr> collectSymbols(func::FuncOp entry) {
  llvm::SetVector<StringAttr> symbols;
  for (auto [i, type] : llvm::enumerate(entry.getArgumentTypes())) {
    auto tensor = dyn_cast<DynTensorType>(type);
    if (auto attribute = entry.getArgAttrOfType<TypeAttr>(i, kTypeAttr))
      tensor = dyn_cast<DynTensorType>(attribute.getValue());
    if (!tensor)
      continue;
    for (DimAttr dim : tensor.getShape())
      dim.walkSymbols([&](StringAttr name) { symbols.insert(name); });
  }
  return symbols;
}

Result<> dyn::declareDims(func::FuncOp entry,
                          const std::vector<DimOption> &dims) {
  llvm::SetVector<StringAttr> symbols = collectSymbols(entry);
  auto declared =
      entry->getAttrOfType<DictionaryAttr>(DynDialect::kSymbolsAttr);
  NamedAttrList list(declared);
  for (const DimOption &dim : dims) {
    auto name = StringAttr::get(entry.getContext(), dim.name);
    if (!symbols.contains(name)) {
      std::vector<std::string> known;
      for (StringAttr symbol : symbols)
        known.push_back(symbol.str());
      return Error("--dim " + dim.name + ": the model has no such symbol, " +
                   (known.empty()
                        ? "its sizes are all fixed"
                        : "expects one of " + llvm::join(known, ", ")));
    }
    list.set(name, SymbolAttr::get(entry.getContext(), dim.min, dim.max,
                                   dim.multiple));
  }
  if (!list.empty())
    entry->setAttr(DynDialect::kSymbolsAttr,
                   list.getDictionary(entry.getContext()));
  return {};
}
