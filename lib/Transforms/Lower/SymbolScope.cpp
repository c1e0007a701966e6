//===- SymbolScope.cpp - The sizes of one function as SSA values ----------===//

#include "SymbolScope.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::dyn;

//===----------------------------------------------------------------------===//
// Symbols
//===----------------------------------------------------------------------===//

void SymbolScope::addArgument(BlockArgument argument, DynTensorType type) {
  arguments.push_back({argument, type});
}

/// Whether `symbol` occurs in an atom that is no symbol itself.
static bool occursInFunction(DimAttr size, StringAttr symbol) {
  bool occurs = false;
  for (ArrayAttr monomial : size.getMonomials())
    for (Attribute atom : monomial)
      if (auto fn = dyn_cast<DimFnAttr>(atom))
        for (DimAttr operand : {fn.getLhs(), fn.getRhs()})
          operand.walkSymbols(
              [&](StringAttr name) { occurs |= name == symbol; });
  return occurs;
}

std::optional<SymbolScope::Solution> SymbolScope::solve(StringAttr symbol,
                                                        BlockArgument argument,
                                                        int64_t axis,
                                                        DimAttr size) const {
  if (occursInFunction(size, symbol))
    return std::nullopt;
  MLIRContext *context = symbol.getContext();
  SmallVector<int64_t> factors, rests;
  SmallVector<ArrayAttr> factorMonomials, restMonomials;
  for (auto [coefficient, monomial] :
       llvm::zip(size.getCoefficients(), size.getMonomials())) {
    SmallVector<Attribute> others;
    for (Attribute atom : monomial)
      if (atom != symbol)
        others.push_back(atom);
    if (others.size() + 1 < monomial.size())
      return std::nullopt; // not linear
    bool isFactor = others.size() < monomial.size();
    (isFactor ? factors : rests).push_back(coefficient);
    (isFactor ? factorMonomials : restMonomials)
        .push_back(ArrayAttr::get(context, others));
  }
  Solution solution{argument, axis,
                    DimAttr::getNormalized(context, factors, factorMonomials),
                    DimAttr::getNormalized(context, rests, restMonomials)};
  bool known = true;
  for (DimAttr dim : {solution.factor, solution.rest})
    dim.walkSymbols([&](StringAttr name) { known &= isDefined(name); });
  return known ? std::optional(solution) : std::nullopt;
}

void SymbolScope::solveSymbols() {
  // The simplest way first: a symbol that stands alone, then one with a number
  // as its factor, which cannot be 0. Each symbol found may help with others.
  auto sweep = [&](auto accept) {
    for (auto [argument, type] : arguments)
      for (auto [axis, size] : llvm::enumerate(type.getShape())) {
        SmallVector<StringAttr> unsolved;
        size.walkSymbols([&](StringAttr name) {
          if (!isDefined(name))
            unsolved.push_back(name);
        });
        for (StringAttr name : unsolved) {
          std::optional<Solution> solution = solve(name, argument, axis, size);
          if (solution && accept(*solution)) {
            solutions[name] = *solution;
            return true;
          }
        }
      }
    return false;
  };
  auto alone = [](const Solution &s) {
    return s.factor.isConstant(1) && s.rest.isConstant(0);
  };
  auto numberAsFactor = [](const Solution &s) {
    return s.factor.getConstant().has_value();
  };
  auto any = [](const Solution &) { return true; };
  while (sweep(alone))
    ;
  while (sweep(numberAsFactor) || sweep(any))
    ;
}

bool SymbolScope::isDefined(StringAttr symbol) const {
  return solutions.contains(symbol) || bound.contains(symbol) ||
         defined.contains(symbol);
}

DimAttr SymbolScope::bind(Value index, bool isSigned) {
  // No symbol of a model begins with a question mark.
  auto name = StringAttr::get(index.getContext(), "?" + Twine(bound.size()));
  bound[name] = index;
  if (isSigned)
    signedSymbols.insert(name);
  return DimAttr::getSymbol(name);
}

void SymbolScope::define(StringAttr symbol, DimAttr size) {
  defined[symbol] = resolve(size);
}

DimAttr SymbolScope::resolve(DimAttr size) const {
  if (!defined.empty())
    size =
        size.substitute([&](StringAttr name) { return defined.lookup(name); });
  return hasSigned(size) ? size : simplify(size, symbols);
}

bool SymbolScope::hasSigned(DimAttr size) const {
  bool result = false;
  size.walkSymbols(
      [&](StringAttr name) { result |= signedSymbols.contains(name); });
  return result;
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

bool SymbolScope::isAtEntry(DimAttr size) const {
  bool atEntry = true;
  size.walkSymbols([&](StringAttr name) { atEntry &= !bound.contains(name); });
  return atEntry;
}

OpBuilder SymbolScope::getBuilder(const OpBuilder &builder,
                                  bool atEntry) const {
  if (!atEntry)
    return builder;
  OpBuilder result(loc.getContext());
  if (lastAtEntry)
    result.setInsertionPointAfter(lastAtEntry);
  else
    result.setInsertionPointToStart(entry);
  return result;
}

Value SymbolScope::getValue(OpBuilder &builder, Location loc, DimAttr size) {
  size = resolve(size);
  assert(!size.isUnknown() && "bind gives sizes to what only the run knows");
  if (Value value = values.lookup(size))
    return value;
  bool atEntry = isAtEntry(size);
  Value value = compute(builder, atEntry ? this->loc : loc, size, atEntry);
  if (atEntry)
    lastAtEntry = value.getDefiningOp();
  if (atEntry || dominatesRest(builder))
    values[size] = value;
  return value;
}

Value SymbolScope::computeSymbol(StringAttr symbol) {
  const Solution solution = solutions.at(symbol);
  OpBuilder none(loc.getContext());
  MLIRContext *context = loc.getContext();
  DimAttr one = DimAttr::get(context, 1);
  Value rest, factor;
  Value axis = getValue(none, loc, DimAttr::get(context, solution.axis));
  if (!solution.rest.isConstant(0))
    rest = getValue(none, loc, solution.rest);
  if (!solution.factor.isConstant(1)) {
    // Where the factor is 0 the symbol could be any number.
    DimAttr divisor = solution.factor;
    if (getBounds(divisor).min < 1)
      divisor = DimAttr::max(divisor, one);
    factor = getValue(none, loc, divisor);
  }
  OpBuilder builder = getBuilder(none, /*atEntry=*/true);
  Value value = tensor::DimOp::create(builder, loc, solution.argument, axis);
  if (rest)
    value = arith::SubIOp::create(builder, loc, value, rest);
  if (factor)
    value = arith::DivSIOp::create(builder, loc, value, factor);
  return value;
}

Value SymbolScope::computeAtom(OpBuilder &builder, Location loc, DimFnAttr atom,
                               bool atEntry) {
  MLIRContext *context = loc.getContext();
  DimAttr lhs = atom.getLhs(), rhs = atom.getRhs();
  DimAttr zero = DimAttr::get(context, 0), one = DimAttr::get(context, 1);
  DimFn kind = atom.getKind();
  bool divides = kind == DimFn::FloorDiv || kind == DimFn::Mod;
  // x floordiv d of an x that is not positive is -(-x ceildiv d): a division of
  // numbers that are not negative is one instruction.
  bool negated = kind == DimFn::FloorDiv && getBounds(lhs).max <= 0 &&
                 getBounds(rhs).min >= 1;
  if (negated)
    lhs = zero - lhs + rhs - one;
  bool isUnsigned = getBounds(lhs).min >= 0 && getBounds(rhs).min >= 0;
  // A divisor of 0 is reported by the op that divides; here it only must not
  // trap.
  if (divides && isUnsigned && getBounds(rhs).min < 1)
    rhs = DimAttr::max(rhs, one);
  Value l = getValue(builder, loc, lhs), r = getValue(builder, loc, rhs);
  Value o = kind == DimFn::Broadcast || (divides && !isUnsigned)
                ? getValue(builder, loc, one)
                : Value();
  Value z = negated || (divides && !isUnsigned) ? getValue(builder, loc, zero)
                                                : Value();
  OpBuilder b = getBuilder(builder, atEntry);
  auto isEqual = [&](Value lhs, Value rhs) {
    return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, lhs, rhs);
  };
  if (divides && !isUnsigned)
    r = arith::SelectOp::create(b, loc, isEqual(r, z), o, r);
  switch (kind) {
  case DimFn::FloorDiv: {
    if (!isUnsigned)
      return arith::FloorDivSIOp::create(b, loc, l, r);
    Value quotient = arith::DivUIOp::create(b, loc, l, r);
    if (negated)
      return arith::SubIOp::create(b, loc, z, quotient);
    return quotient;
  }
  case DimFn::Mod: {
    if (isUnsigned)
      return arith::RemUIOp::create(b, loc, l, r);
    Value quotient = arith::FloorDivSIOp::create(b, loc, l, r);
    Value product = arith::MulIOp::create(b, loc, quotient, r);
    return arith::SubIOp::create(b, loc, l, product);
  }
  case DimFn::Min:
    return arith::MinSIOp::create(b, loc, l, r);
  case DimFn::Max:
    return arith::MaxSIOp::create(b, loc, l, r);
  case DimFn::Broadcast:
    return arith::SelectOp::create(b, loc, isEqual(l, o), r, l);
  }
  llvm_unreachable("covered switch");
}

Value SymbolScope::compute(OpBuilder &builder, Location loc, DimAttr size,
                           bool atEntry) {
  MLIRContext *context = loc.getContext();
  if (std::optional<int64_t> number = size.getConstant()) {
    OpBuilder b = getBuilder(builder, atEntry);
    return arith::ConstantIndexOp::create(b, loc, *number);
  }
  ArrayRef<ArrayAttr> monomials = size.getMonomials();
  ArrayRef<int64_t> coefficients = size.getCoefficients();
  auto product = [&](int64_t coefficient, ArrayRef<Attribute> atoms) {
    return DimAttr::getNormalized(context, coefficient,
                                  ArrayAttr::get(context, atoms));
  };
  // One term: an atom, atoms times an atom, or a number times atoms. Each
  // prefix is a size of its own, so B * S is shared by all that contain it.
  if (monomials.size() == 1) {
    ArrayRef<Attribute> atoms = monomials.front().getValue();
    if (coefficients.front() == 1 && atoms.size() == 1) {
      if (auto name = dyn_cast<StringAttr>(atoms.front()))
        return atEntry ? computeSymbol(name) : bound.lookup(name);
      return computeAtom(builder, loc, cast<DimFnAttr>(atoms.front()), atEntry);
    }
    bool scaled = coefficients.front() != 1;
    Value lhs =
        getValue(builder, loc, product(1, scaled ? atoms : atoms.drop_back()));
    Value rhs = getValue(builder, loc,
                         scaled ? DimAttr::get(context, coefficients.front())
                                : product(1, atoms.back()));
    OpBuilder b = getBuilder(builder, atEntry);
    return arith::MulIOp::create(b, loc, lhs, rhs);
  }
  // A sum: positive terms first, so that no step is negative without need.
  Value sum;
  auto add = [&](bool positive) {
    for (auto [coefficient, monomial] : llvm::zip(coefficients, monomials)) {
      if ((coefficient > 0) != positive)
        continue;
      DimAttr term = product(positive ? coefficient : 0 - coefficient,
                             monomial.getValue());
      Value value = getValue(builder, loc, term);
      if (!sum && !positive)
        sum = getValue(builder, loc, DimAttr::get(context, 0));
      if (!sum) {
        sum = value;
        continue;
      }
      OpBuilder b = getBuilder(builder, atEntry);
      if (positive)
        sum = arith::AddIOp::create(b, loc, sum, value);
      else
        sum = arith::SubIOp::create(b, loc, sum, value);
      if (atEntry)
        lastAtEntry = sum.getDefiningOp();
    }
  };
  add(true);
  add(false);
  return sum;
}

//===----------------------------------------------------------------------===//
// Facts
//===----------------------------------------------------------------------===//

DimAttr SymbolScope::getLeader(DimAttr size) const {
  while (DimAttr next = leaders.lookup(size))
    size = next;
  return size;
}

bool SymbolScope::areEqual(DimAttr lhs, DimAttr rhs) const {
  lhs = resolve(lhs);
  rhs = resolve(rhs);
  return dyn::areEqual(lhs, rhs) == true ||
         (!lhs.isUnknown() && getLeader(lhs) == getLeader(rhs));
}

void SymbolScope::assumeEqual(DimAttr lhs, DimAttr rhs) {
  lhs = getLeader(resolve(lhs));
  rhs = getLeader(resolve(rhs));
  if (lhs == rhs)
    return;
  // A number leads, so that it is found for all that are equal to it.
  if (lhs.getConstant())
    std::swap(lhs, rhs);
  leaders[lhs] = rhs;
}

bool SymbolScope::isBroadcast(DimAttr lhs, DimAttr rhs) const {
  return broadcasts.contains({resolve(lhs), resolve(rhs)}) ||
         broadcasts.contains({resolve(rhs), resolve(lhs)});
}

void SymbolScope::assumeBroadcast(DimAttr lhs, DimAttr rhs) {
  broadcasts.insert({resolve(lhs), resolve(rhs)});
}

DimBounds SymbolScope::getBounds(DimAttr size) const {
  size = resolve(size);
  return hasSigned(size) ? DimBounds() : computeBounds(size, symbols);
}

bool SymbolScope::isAtMost(DimAttr lhs, DimAttr rhs) const {
  lhs = resolve(lhs);
  rhs = resolve(rhs);
  return areEqual(lhs, rhs) || (!hasSigned(lhs) && !hasSigned(rhs) &&
                                isLessEqual(lhs, rhs, symbols) == true);
}

DimAttr SymbolScope::min(DimAttr lhs, DimAttr rhs) const {
  return isAtMost(lhs, rhs)   ? lhs
         : isAtMost(rhs, lhs) ? rhs
                              : DimAttr::min(lhs, rhs);
}

DimAttr SymbolScope::max(DimAttr lhs, DimAttr rhs) const {
  return isAtMost(lhs, rhs)   ? rhs
         : isAtMost(rhs, lhs) ? lhs
                              : DimAttr::max(lhs, rhs);
}

//===----------------------------------------------------------------------===//
// Tensors
//===----------------------------------------------------------------------===//

SmallVector<DimAttr> SymbolScope::getSizes(OpBuilder &builder, Location loc,
                                           Value tensor, DynTensorType type) {
  if (auto it = sizes.find(tensor); it != sizes.end())
    return it->second;
  SmallVector<DimAttr> result;
  for (auto [axis, size] :
       llvm::enumerate(cast<RankedTensorType>(tensor.getType()).getShape())) {
    if (!ShapedType::isDynamic(size))
      result.push_back(DimAttr::get(loc.getContext(), size));
    else if (type && !type.getDim(axis).isUnknown())
      result.push_back(resolve(type.getDim(axis)));
    else
      result.push_back(bind(tensor::DimOp::create(builder, loc, tensor, axis)));
  }
  if (dominatesRest(builder))
    setSizes(tensor, result);
  return result;
}

void SymbolScope::setSizes(Value tensor, ArrayRef<DimAttr> newSizes) {
  sizes[tensor] = llvm::map_to_vector(
      newSizes, [&](DimAttr size) { return resolve(size); });
}

std::optional<SmallVector<DimAttr>>
SymbolScope::getContents(Value tensor) const {
  if (auto it = contents.find(tensor); it != contents.end())
    return it->second;
  return std::nullopt;
}

void SymbolScope::setContents(Value tensor, ArrayRef<DimAttr> elements) {
  contents[tensor] = llvm::map_to_vector(
      elements, [&](DimAttr size) { return resolve(size); });
}
