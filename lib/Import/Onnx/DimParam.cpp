//===- DimParam.cpp - Names and expressions of sizes in ONNX --------------===//

#include "DimParam.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace mlir::dyn;
using namespace mlir::dyn::onnx_import;

namespace {
/// Recursive descent. A null size is a syntax error.
class Parser {
public:
  Parser(StringRef text, MLIRContext *context) : rest(text), context(context) {}

  DimAttr parse() {
    DimAttr dim = parseSum();
    skipSpace();
    return rest.empty() && dim && !dim.isUnknown() ? dim : DimAttr();
  }

private:
  void skipSpace() { rest = rest.ltrim(" "); }
  bool take(StringRef token) {
    skipSpace();
    return rest.consume_front(token);
  }

  DimAttr parseSum() {
    if (++depth > maxDepth)
      return {};
    DimAttr sum = parseProduct();
    while (sum) {
      bool minus = take("-");
      if (!minus && !take("+"))
        break;
      DimAttr term = parseProduct();
      if (!term)
        return {};
      sum = minus ? sum - term : sum + term;
    }
    --depth;
    return sum;
  }

  DimAttr parseProduct() {
    DimAttr product = parseUnary();
    while (product) {
      bool floorDiv = take("//"), mod = !floorDiv && take("%");
      if (!floorDiv && !mod && (rest.starts_with("**") || !take("*")))
        break;
      DimAttr factor = parseUnary();
      if (!factor)
        return {};
      product = floorDiv ? product.floorDiv(factor)
                : mod    ? product.mod(factor)
                         : product * factor;
    }
    return product;
  }

  DimAttr parseUnary() {
    if (take("-")) {
      if (++depth > maxDepth)
        return {};
      DimAttr dim = parseUnary();
      --depth;
      return dim ? DimAttr::get(context, 0) - dim : dim;
    }
    if (take("(")) {
      DimAttr dim = parseSum();
      return take(")") ? dim : DimAttr();
    }
    skipSpace();
    int64_t number;
    if (!rest.empty() && llvm::isDigit(rest.front()))
      return rest.consumeInteger(10, number) ? DimAttr()
                                             : DimAttr::get(context, number);
    StringRef name = rest.take_while(
        [](char c) { return llvm::isAlnum(c) || c == '_' || c == '.'; });
    rest = rest.drop_front(name.size());
    if (name.empty())
      return {};
    return take("(") ? parseCall(name.lower())
                     : DimAttr::getSymbol(StringAttr::get(context, name));
  }

  DimAttr parseCall(StringRef name) {
    bool floor = name == "floor";
    if (floor || name == "ceil" || name == "ceiling") {
      DimAttr dividend = parseProduct();
      if (!dividend || !take("/"))
        return {};
      DimAttr divisor = parseUnary();
      if (!divisor || !take(")"))
        return {};
      return floor ? dividend.floorDiv(divisor) : dividend.ceilDiv(divisor);
    }
    DimAttr lhs = parseSum();
    if (!lhs || !take(","))
      return {};
    do {
      DimAttr rhs = parseSum();
      if (!rhs)
        return {};
      if (name == "max")
        lhs = DimAttr::max(lhs, rhs);
      else if (name == "min")
        lhs = DimAttr::min(lhs, rhs);
      else if (name == "floordiv")
        lhs = lhs.floorDiv(rhs);
      else if (name == "mod" || name == "pythonmod")
        lhs = lhs.mod(rhs);
      else
        return {};
    } while (take(","));
    return take(")") ? lhs : DimAttr();
  }

  static constexpr int maxDepth = 64;
  StringRef rest;
  MLIRContext *context;
  int depth = 0;
};
} // namespace

DimAttr onnx_import::parseDimParam(StringRef text,
                                   llvm::function_ref<bool(StringRef)> isSize,
                                   MLIRContext *context) {
  DimAttr symbol = DimAttr::getSymbol(StringAttr::get(context, text));
  DimAttr dim = Parser(text, context).parse();
  if (!dim || dim.getConstant())
    return symbol;
  bool dashed = text.contains('-') && !text.contains(' ');
  bool known = true;
  dim.walkSymbols([&](StringAttr name) { known &= isSize(name.getValue()); });
  return dashed && !known ? symbol : dim;
}
