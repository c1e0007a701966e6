//===- DimSyntax.cpp - Printing and parsing sizes -------------------------===//

#include "DimSyntax.h"
#include "Dyn/Dialect/SymbolicDim.h"
#include "mlir/AsmParser/AsmParser.h"
#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace mlir::dyn;

static void printAtom(raw_ostream &os, Attribute atom, bool alone) {
  if (auto name = dyn_cast<StringAttr>(atom)) {
    StringRef text = name.getValue();
    bool bare = !text.empty() && (llvm::isAlpha(text[0]) || text[0] == '_') &&
                llvm::all_of(text,
                             [](char c) {
                               return llvm::isAlnum(c) || c == '_' ||
                                      c == '$' || c == '.';
                             }) &&
                text != "floordiv" && text != "ceildiv" && text != "mod" &&
                text != "min" && text != "max" && text != "broadcast" &&
                text != "scalar";
    if (bare) {
      os << text;
      return;
    }
    os << '"';
    llvm::printEscapedString(text, os);
    os << '"';
    return;
  }
  auto fn = cast<DimFnAttr>(atom);
  auto printOperand = [&](DimAttr dim) {
    bool simple = dim.getConstant().value_or(-1) >= 0 || dim.getSymbolName();
    os << (simple ? "" : "(");
    dim.printBare(os);
    os << (simple ? "" : ")");
  };
  if (fn.getKind() != DimFn::FloorDiv && fn.getKind() != DimFn::Mod) {
    os << stringifyDimFn(fn.getKind()) << '(';
    fn.getLhs().printBare(os);
    os << ", ";
    fn.getRhs().printBare(os);
    os << ')';
    return;
  }
  os << (alone ? "" : "(");
  printOperand(fn.getLhs());
  os << ' ' << stringifyDimFn(fn.getKind()) << ' ';
  printOperand(fn.getRhs());
  os << (alone ? "" : ")");
}

void DimAttr::printBare(raw_ostream &os) const {
  if (isUnknown()) {
    os << '?';
    return;
  }
  if (getMonomials().empty())
    os << '0';
  bool first = true;
  for (auto [monomial, coefficient] :
       llvm::zip(getMonomials(), getCoefficients())) {
    bool negative = coefficient < 0;
    if (first)
      os << (negative ? "-" : "");
    else
      os << (negative ? " - " : " + ");
    first = false;
    uint64_t magnitude =
        negative ? 0 - uint64_t(coefficient) : uint64_t(coefficient);
    if (monomial.empty() || magnitude != 1)
      os << magnitude << (monomial.empty() ? "" : " * ");
    llvm::interleave(
        monomial, os,
        [&](Attribute atom) {
          printAtom(os, atom,
                    monomial.size() == 1 && magnitude == 1 && !negative);
        },
        " * ");
  }
}

std::string DimAttr::str() const {
  std::string text;
  llvm::raw_string_ostream os(text);
  printBare(os);
  return text;
}

std::string dyn::formatShape(ArrayRef<DimAttr> shape) {
  return "[" +
         llvm::join(
             llvm::map_range(shape, [](DimAttr dim) { return dim.str(); }),
             ", ") +
         "]";
}

namespace {
/// Recursive descent over the grammar in DynBase.td. The depth bound keeps
/// hostile input off the stack's end.
class DimParser {
public:
  explicit DimParser(AsmParser &parser) : parser(parser) {}

  ParseResult parseSum(DimAttr &dim) {
    if (++depth > maxDepth)
      return parser.emitError(parser.getCurrentLocation(),
                              "size expression is nested more than ")
             << maxDepth << " deep";
    if (parseProduct(dim))
      return failure();
    while (true) {
      DimAttr rhs;
      if (succeeded(parser.parseOptionalPlus())) {
        if (parseProduct(rhs))
          return failure();
        dim = dim + rhs;
      } else if (succeeded(parser.parseOptionalMinus())) {
        if (parseProduct(rhs))
          return failure();
        dim = dim - rhs;
      } else {
        --depth;
        return success();
      }
    }
  }

private:
  ParseResult parseProduct(DimAttr &dim) {
    if (parseUnary(dim))
      return failure();
    while (true) {
      DimAttr rhs;
      if (succeeded(parser.parseOptionalStar())) {
        if (parseUnary(rhs))
          return failure();
        dim = dim * rhs;
        continue;
      }
      StringRef word;
      if (failed(parser.parseOptionalKeyword(&word,
                                             {"floordiv", "ceildiv", "mod"})))
        return success();
      if (parseUnary(rhs))
        return failure();
      dim = word == "floordiv"  ? dim.floorDiv(rhs)
            : word == "ceildiv" ? dim.ceilDiv(rhs)
                                : dim.mod(rhs);
    }
  }

  ParseResult parseUnary(DimAttr &dim) {
    MLIRContext *context = parser.getContext();
    SMLoc loc = parser.getCurrentLocation();
    // Before the integer: parseOptionalInteger insists on one after a minus.
    bool negate = succeeded(parser.parseOptionalMinus());
    APInt number;
    OptionalParseResult parsed = parser.parseOptionalInteger(number);
    if (parsed.has_value()) {
      if (failed(*parsed))
        return failure();
      if (negate)
        number = -number.sext(number.getBitWidth() + 1);
      if (number.getSignificantBits() > 64)
        return parser.emitError(loc, "expected a number of at most 64 bits");
      dim = DimAttr::get(context, number.getSExtValue());
      return success();
    }
    if (negate) {
      if (++depth > maxDepth)
        return parser.emitError(loc, "size expression is nested more than ")
               << maxDepth << " deep";
      if (parseUnary(dim))
        return failure();
      --depth;
      dim = DimAttr::get(context, 0) - dim;
      return success();
    }
    if (succeeded(parser.parseOptionalLParen()))
      return failure(parseSum(dim) || parser.parseRParen());
    StringRef fn;
    if (succeeded(
            parser.parseOptionalKeyword(&fn, {"min", "max", "broadcast"}))) {
      DimAttr lhs, rhs;
      if (parser.parseLParen() || parseSum(lhs) || parser.parseComma() ||
          parseSum(rhs) || parser.parseRParen())
        return failure();
      dim = DimAttr::apply(*symbolizeDimFn(fn), lhs, rhs);
      return success();
    }
    std::string name;
    if (failed(parser.parseOptionalKeywordOrString(&name)))
      return parser.emitError(
          loc, "expected a size: a number, a symbol or an expression of them");
    dim = DimAttr::getSymbol(StringAttr::get(context, name));
    return success();
  }

  static constexpr int maxDepth = 256;
  AsmParser &parser;
  int depth = 0;
};
} // namespace

ParseResult dyn::parseBareDim(AsmParser &parser, DimAttr &dim) {
  if (succeeded(parser.parseOptionalQuestion())) {
    dim = DimAttr::getUnknown(parser.getContext());
    return success();
  }
  SMLoc loc = parser.getCurrentLocation();
  if (DimParser(parser).parseSum(dim))
    return failure();
  if (dim.isUnknown())
    return parser.emitError(loc, "size expression divides by 0, has numbers "
                                 "of more than 64 bits or is too long");
  return success();
}

ParseResult dyn::parseDimList(AsmParser &parser,
                              SmallVectorImpl<DimAttr> &dims) {
  return parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, [&] {
    return parseBareDim(parser, dims.emplace_back());
  });
}

Attribute DimAttr::parse(AsmParser &parser, Type) {
  DimAttr dim;
  if (parser.parseLess() || parseBareDim(parser, dim) || parser.parseGreater())
    return {};
  return dim;
}

void DimAttr::print(AsmPrinter &printer) const {
  printer << '<' << str() << '>';
}

Attribute DimsAttr::parse(AsmParser &parser, Type) {
  SmallVector<DimAttr> dims;
  if (parser.parseLess())
    return {};
  bool scalar = succeeded(parser.parseOptionalKeyword("scalar"));
  SMLoc loc = parser.getCurrentLocation();
  if (parseDimList(parser, dims) || parser.parseGreater())
    return {};
  return parser.getChecked<DimsAttr>(loc, parser.getContext(), scalar,
                                     ArrayRef<DimAttr>(dims));
}

void DimsAttr::print(AsmPrinter &printer) const {
  printer << '<' << (getScalar() ? "scalar " : "") << formatShape(getDims())
          << '>';
}

DimAttr dyn::parseDim(StringRef text, MLIRContext *context) {
  ScopedDiagnosticHandler quiet(context,
                                [](Diagnostic &) { return success(); });
  return dyn_cast_or_null<DimAttr>(
      parseAttribute("#dyn.dim<" + text.str() + ">", context));
}
