//===- SizeExpr.h - Sizes as expressions of symbols -------------*- C++ -*-===//

#ifndef DYN_RUNTIME_SIZEEXPR_H
#define DYN_RUNTIME_SIZEEXPR_H

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace mlir::dyn::runtime {

/// Sizes or strides, one a dimension, that lie elsewhere.
using Sizes = std::span<const int64_t>;

/// The values of symbols, by index; nullopt while one is not known yet.
using SymbolValues = std::vector<std::optional<int64_t>>;

/// An EXPR of artifact.h, or "?".
class SizeExpr {
public:
  enum class Kind : uint8_t {
    Unknown, // "?"
    Constant,
    Symbol,
    Add,
    Mul,
    Min,
    Max,
    FloorDiv,
    Mod,
    Broadcast,
    Align
  };

  static SizeExpr getUnknown() { return SizeExpr(Kind::Unknown); }
  static SizeExpr getConstant(int64_t value);
  static SizeExpr getSymbol(size_t index, std::string name);
  static SizeExpr getOperation(Kind kind, std::vector<SizeExpr> operands);

  bool isUnknown() const { return kind == Kind::Unknown; }
  /// The index of the symbol if the expression is one alone.
  std::optional<size_t> getSymbolIndex() const {
    if (kind != Kind::Symbol)
      return std::nullopt;
    return static_cast<size_t>(value);
  }

  /// The value; nullopt if it depends on a "?" or on a symbol that is not
  /// known. Fails if it overflows or divides by zero.
  std::optional<int64_t> evaluate(const SymbolValues &symbols) const {
    // Most sizes are one of these.
    if (kind == Kind::Symbol)
      return symbols[static_cast<size_t>(value)];
    if (kind == Kind::Constant)
      return value;
    return evaluateOperation(symbols);
  }

  /// Solves `*this == value` for a symbol not yet known, as far as artifact.h
  /// promises it, and sets it in `symbols`. Returns its index.
  /// Does nothing if there is no such symbol or no whole number solves it.
  std::optional<size_t> solve(int64_t value, SymbolValues &symbols) const;

  /// Appends the indices of the symbols in it, with repetitions.
  void collectSymbols(std::vector<size_t> &indices) const;

  /// As a reader would write it: "2 * D + 1", "min(A, B)".
  std::string str() const;

private:
  explicit SizeExpr(Kind kind) : kind(kind) {}
  std::optional<int64_t> evaluateOperation(const SymbolValues &symbols) const;
  std::optional<int64_t> apply(int64_t lhs, int64_t rhs) const;

  Kind kind;
  int64_t value = 0; // of a constant; the index of a symbol
  std::string name;  // of a symbol
  std::vector<SizeExpr> operands;
};

/// "[2, 11]" and "[B, S + 1]", as error messages show shapes.
std::string formatShape(Sizes shape);
std::string formatShape(const std::vector<SizeExpr> &shape);

} // namespace mlir::dyn::runtime

#endif // DYN_RUNTIME_SIZEEXPR_H
