//===- SizeExpr.cpp - Sizes as expressions of symbols ---------------------===//

#include "SizeExpr.h"

#include "Failure.h"

#include <algorithm>
#include <string_view>

namespace mlir::dyn::runtime {

SizeExpr SizeExpr::getConstant(int64_t value) {
  SizeExpr result(Kind::Constant);
  result.value = value;
  return result;
}

SizeExpr SizeExpr::getSymbol(size_t index, std::string name) {
  SizeExpr result(Kind::Symbol);
  result.value = static_cast<int64_t>(index);
  result.name = std::move(name);
  return result;
}

SizeExpr SizeExpr::getOperation(Kind kind, std::vector<SizeExpr> operands) {
  SizeExpr result(kind);
  result.operands = std::move(operands);
  return result;
}

static std::optional<int64_t> floorDiv(int64_t lhs, int64_t rhs) {
  if (rhs == 0 || (lhs == INT64_MIN && rhs == -1))
    return std::nullopt;
  int64_t quotient = lhs / rhs;
  return quotient - (lhs % rhs != 0 && (lhs < 0) != (rhs < 0));
}

/// The operation on two operands, nullopt if the result is no int64_t.
std::optional<int64_t> SizeExpr::apply(int64_t lhs, int64_t rhs) const {
  int64_t result = 0;
  switch (kind) {
  case Kind::Add:
    return __builtin_add_overflow(lhs, rhs, &result) ? std::nullopt
                                                     : std::optional(result);
  case Kind::Mul:
    return __builtin_mul_overflow(lhs, rhs, &result) ? std::nullopt
                                                     : std::optional(result);
  case Kind::Min:
    return std::min(lhs, rhs);
  case Kind::Max:
    return std::max(lhs, rhs);
  case Kind::FloorDiv:
    return floorDiv(lhs, rhs);
  case Kind::Mod: {
    // The quotient times rhs is within rhs of lhs, but may leave the range.
    std::optional<int64_t> quotient = floorDiv(lhs, rhs);
    if (!quotient || __builtin_mul_overflow(*quotient, rhs, &result) ||
        __builtin_sub_overflow(lhs, result, &result))
      return std::nullopt;
    return result;
  }
  case Kind::Broadcast:
    return lhs == 1 ? rhs : lhs;
  case Kind::Align: {
    if (rhs <= 0 || __builtin_add_overflow(lhs, rhs - 1, &result))
      return std::nullopt;
    return *floorDiv(result, rhs) * rhs;
  }
  case Kind::Unknown:
  case Kind::Constant:
  case Kind::Symbol:
    break;
  }
  return std::nullopt;
}

std::optional<int64_t>
SizeExpr::evaluateOperation(const SymbolValues &symbols) const {
  std::optional<int64_t> result;
  for (const SizeExpr &operand : operands) {
    std::optional<int64_t> next = operand.evaluate(symbols);
    if (!next)
      return std::nullopt;
    if (!result) {
      result = next;
      continue;
    }
    int64_t lhs = *result;
    result = apply(lhs, *next);
    if (!result)
      fail(DYN_INVALID_ARGUMENT, "size ", str(),
           *next == 0 ? " divides by zero" : " overflows", " (at ", lhs,
           " and ", *next, ")");
  }
  return result;
}

std::optional<size_t> SizeExpr::solve(int64_t target,
                                      SymbolValues &symbols) const {
  if (kind == Kind::Symbol) {
    std::optional<int64_t> &symbol = symbols[static_cast<size_t>(value)];
    if (symbol)
      return std::nullopt;
    symbol = target;
    return static_cast<size_t>(value);
  }
  if (kind != Kind::Add && kind != Kind::Mul)
    return std::nullopt;

  // Take all that is known to the other side; one operand may remain.
  const SizeExpr *unsolved = nullptr;
  for (const SizeExpr &operand : operands) {
    std::optional<int64_t> known = operand.evaluate(symbols);
    if (!known) {
      if (unsolved)
        return std::nullopt;
      unsolved = &operand;
      continue;
    }
    if (kind == Kind::Mul) {
      if (*known == 0 || target == INT64_MIN || target % *known != 0)
        return std::nullopt;
      target /= *known;
    } else if (__builtin_sub_overflow(target, *known, &target)) {
      return std::nullopt;
    }
  }
  return unsolved ? unsolved->solve(target, symbols) : std::nullopt;
}

void SizeExpr::collectSymbols(std::vector<size_t> &indices) const {
  if (kind == Kind::Symbol)
    indices.push_back(static_cast<size_t>(value));
  for (const SizeExpr &operand : operands)
    operand.collectSymbols(indices);
}

/// Appends `operand` after `separator`, with differences as such: "S - P", not
/// "S + -1 * P".
static void appendOperand(std::string &text, std::string_view operand,
                          std::string_view separator) {
  if (!text.empty()) {
    if (separator == " + " && operand.starts_with('-')) {
      separator = " - ";
      operand.remove_prefix(operand.starts_with("-1 * ") ? 5 : 1);
    }
    text += separator;
  }
  text += operand;
}

std::string SizeExpr::str() const {
  const char *separator = ", ";
  const char *function = nullptr;
  switch (kind) {
  case Kind::Unknown:
    return "?";
  case Kind::Constant:
    return std::to_string(value);
  case Kind::Symbol:
    return name;
  case Kind::Add:
    separator = " + ";
    break;
  case Kind::Mul:
    separator = " * ";
    break;
  case Kind::FloorDiv:
    separator = " floordiv ";
    break;
  case Kind::Mod:
    separator = " mod ";
    break;
  case Kind::Min:
    function = "min(";
    break;
  case Kind::Max:
    function = "max(";
    break;
  case Kind::Broadcast:
    function = "broadcast(";
    break;
  case Kind::Align:
    function = "align(";
    break;
  }
  std::string result;
  for (const SizeExpr &operand : operands) {
    // Products of sums need parentheses, and so does all under a division.
    bool isInfix = operand.kind == Kind::Add || operand.kind == Kind::Mul ||
                   operand.kind == Kind::FloorDiv || operand.kind == Kind::Mod;
    bool needsParentheses = !function && kind != Kind::Add && isInfix &&
                            (kind != Kind::Mul || operand.kind != Kind::Mul);
    std::string text = operand.str();
    if (needsParentheses)
      text.insert(0, 1, '(').push_back(')');
    appendOperand(result, text, separator);
  }
  return function ? function + result + ")" : result;
}

template <typename Range, typename Format>
static std::string formatSizes(const Range &sizes, Format format) {
  std::string result = "[";
  for (size_t i = 0; i < sizes.size(); ++i)
    result += (i ? ", " : "") + format(sizes[i]);
  return result + "]";
}

std::string formatShape(Sizes shape) {
  return formatSizes(shape, [](int64_t size) { return std::to_string(size); });
}

std::string formatShape(const std::vector<SizeExpr> &shape) {
  return formatSizes(shape, [](const SizeExpr &size) { return size.str(); });
}

} // namespace mlir::dyn::runtime
