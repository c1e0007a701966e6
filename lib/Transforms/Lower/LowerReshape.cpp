//===- LowerReshape.cpp - The same elements in another shape --------------===//
//
// A reshape is a collapse_shape and an expand_shape around the finest groups of
// dimensions whose products are the same polynomial, so that what is around it
// fuses through it. Where only the run can tell that the numbers of elements
// agree, it is checked, and the group is all that is left.
//
//===----------------------------------------------------------------------===//

#include "Lowering.h"

using namespace mlir;
using namespace mlir::dyn;

/// Ends of the groups: the products of the first `from` and the first `to`
/// dimensions are equal.
struct Cut {
  int64_t from, to;
};

/// Products of the first 0, 1, ... sizes.
static SmallVector<DimAttr> getPrefixProducts(Emitter &e,
                                              ArrayRef<DimAttr> sizes) {
  SmallVector<DimAttr> products{e.number(1)};
  for (DimAttr size : sizes)
    products.push_back(products.back() * e.getScope().resolve(size));
  return products;
}

static SmallVector<Cut> findCuts(Emitter &e, ArrayRef<DimAttr> from,
                                 ArrayRef<DimAttr> to) {
  SmallVector<DimAttr> fromProducts = getPrefixProducts(e, from),
                       toProducts = getPrefixProducts(e, to);
  int64_t fromRank = from.size(), toRank = to.size();
  SmallVector<Cut> cuts;
  int64_t next = 1;
  // As polynomials: sizes that the run has compared may both be 0, and then
  // the products of what follows need not be equal.
  for (int64_t i = 1; i <= fromRank; ++i)
    for (int64_t j = next; j <= toRank; ++j)
      if (fromProducts[i] == toProducts[j]) {
        cuts.push_back({i, j});
        next = j + 1;
        break;
      }
  bool proven = fromProducts.back() == toProducts.back();
  // The last group takes all that is left; no group has an empty side.
  while (!cuts.empty() &&
         (cuts.back().from == fromRank || cuts.back().to == toRank))
    cuts.pop_back();
  if (!proven && !cuts.empty() && fromRank - cuts.back().from == 1 &&
      toRank - cuts.back().to == 1)
    cuts.pop_back();
  cuts.push_back({fromRank, toRank});
  return cuts;
}

SizedTensor Emitter::reshape(SizedTensor input, ArrayRef<DimAttr> sizes) {
  bool same = input.getRank() == static_cast<int64_t>(sizes.size());
  for (int64_t axis = 0; same && axis < input.getRank(); ++axis)
    same = scope.areEqual(input.sizes[axis], sizes[axis]);
  if (same)
    return sized(input.value, sizes);
  DimAttr have = scope.resolve(product(input.sizes)),
          want = scope.resolve(product(sizes));
  requireEqual(have, want, "reshapes {0} elements to {1}");
  if (have.isConstant(0) || want.isConstant(0))
    return {empty(sizes, input.getElementType()), SmallVector<DimAttr>(sizes)};
  if (input.getRank() == 0 || sizes.empty()) {
    // One element: every size is 1.
    SmallVector<DimAttr> ones(input.getRank(), number(1));
    SizedTensor scalar = collapse(sized(input.value, ones), {});
    ones.assign(sizes.size(), number(1));
    return sized(expand(scalar, {}, ones).value, sizes);
  }
  SmallVector<ReassociationIndices> collapsed, expanded;
  Cut begin{0, 0};
  for (Cut end : findCuts(*this, input.sizes, sizes)) {
    // A group that has one dimension on either side needs one op alone.
    collapsed.push_back(
        llvm::to_vector<2>(llvm::seq<int64_t>(begin.from, end.from)));
    expanded.push_back(
        llvm::to_vector<2>(llvm::seq<int64_t>(begin.to, end.to)));
    begin = end;
  }
  return expand(collapse(input, collapsed), expanded, sizes);
}

/// The size of a dimension given as a value of unknown sign: what is left for a
/// negative one.
static DimAttr chooseSize(Emitter &e, DimAttr element, DimAttr rest) {
  Value value = e.index(element), zero = e.index(e.number(0));
  Value isOpen = e.compare(arith::CmpIPredicate::slt, value, zero);
  return e.getScope().bind(
      arith::SelectOp::create(e, isOpen, e.index(rest), value));
}

static SizedTensor lowerReshape(ReshapeOp op, ReshapeOp::Adaptor adaptor,
                                Emitter &e) {
  SizedTensor input = e.tensor(adaptor.getInput());
  SmallVector<DimAttr> shape = e.readElements(adaptor.getShape());
  SymbolScope &scope = e.getScope();
  // What -1 stands for: the elements divided by all other sizes.
  DimAttr others = e.number(1);
  for (DimAttr size : shape)
    if (!size.isConstant(-1))
      others = others *
               (scope.isSigned(size) ? chooseSize(e, size, e.number(1)) : size);
  DimAttr elements = e.product(input.sizes);
  DimAttr rest = others.isConstant(0)
                     ? e.number(0)
                     : scope.resolve(elements).floorDiv(scope.resolve(others));
  SmallVector<DimAttr> sizes;
  for (DimAttr size : shape)
    sizes.push_back(size.isConstant(-1)    ? rest
                    : scope.isSigned(size) ? chooseSize(e, size, rest)
                                           : size);
  return e.reshape(input, sizes);
}

void dyn::populateLowerReshape(LoweringPatterns &patterns) {
  patterns.add<ReshapeOp>(lowerReshape);
}
