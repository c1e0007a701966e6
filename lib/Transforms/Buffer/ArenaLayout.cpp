//===- ArenaLayout.cpp - Offsets for blocks of symbolic sizes -------------===//

#include "ArenaLayout.h"
#include <numeric>

using namespace mlir;
using namespace mlir::dyn;

DimAttr dyn::alignToArena(DimAttr bytes) {
  // Not `ceilDiv`, whose normal form hides the sum in two negations.
  MLIRContext *context = bytes.getContext();
  DimAttr alignment = DimAttr::get(context, kArenaAlignment);
  DimAttr roundUp = DimAttr::get(context, kArenaAlignment - 1);
  return (bytes + roundUp).floorDiv(alignment) * alignment;
}

//===----------------------------------------------------------------------===//
// Proofs
//===----------------------------------------------------------------------===//

/// The quotient `e floordiv c` by a number in a monomial, null if there is
/// none.
static DimFnAttr findQuotient(ArrayAttr monomial) {
  for (Attribute atom : monomial)
    if (auto fn = dyn_cast<DimFnAttr>(atom);
        fn && fn.getKind() == DimFn::FloorDiv &&
        fn.getRhs().getConstant().value_or(0) > 0)
      return fn;
  return {};
}

static DimFnAttr findMin(ArrayAttr monomial) {
  for (Attribute atom : monomial)
    if (auto fn = dyn_cast<DimFnAttr>(atom); fn && fn.getKind() == DimFn::Min)
      return fn;
  return {};
}

/// The product of the monomial's atoms but one, times `factor`.
static DimAttr replaceAtom(ArrayAttr monomial, Attribute atom, DimAttr factor) {
  SmallVector<Attribute> others(monomial.getValue());
  others.erase(llvm::find(others, atom));
  MLIRContext *context = monomial.getContext();
  return factor *
         DimAttr::getNormalized(context, 1, ArrayAttr::get(context, others));
}

/// A polynomial that is negative wherever `dim` is, with its quotients bounded:
/// c * (e floordiv c) lies between e - c + 1 and e. It is a multiple of a lower
/// bound of `dim`. Atoms are sizes, so that no factor is negative.
static DimAttr boundQuotients(DimAttr dim) {
  MLIRContext *context = dim.getContext();
  int64_t common = 1;
  for (ArrayAttr monomial : dim.getMonomials())
    if (DimFnAttr quotient = findQuotient(monomial))
      common = std::lcm(common, *quotient.getRhs().getConstant());
  DimAttr sum = DimAttr::get(context, 0), one = DimAttr::get(context, 1);
  for (auto [monomial, coefficient] :
       llvm::zip(dim.getMonomials(), dim.getCoefficients())) {
    DimAttr factor =
        DimAttr::get(context, coefficient) * DimAttr::get(context, common);
    if (DimFnAttr quotient = findQuotient(monomial)) {
      DimAttr divisor = quotient.getRhs(), bound = quotient.getLhs();
      if (coefficient > 0)
        bound = bound - divisor + one;
      sum = sum +
            replaceAtom(monomial, quotient, bound * factor.floorDiv(divisor));
    } else if (DimFnAttr min = findMin(monomial); min && coefficient < 0) {
      // Either operand is an upper bound; the one that is no number compares
      // with more.
      DimAttr bound = min.getLhs().getConstant() ? min.getRhs() : min.getLhs();
      sum = sum + replaceAtom(monomial, min, bound * factor);
    } else {
      sum = sum + factor * DimAttr::getNormalized(context, 1, monomial);
    }
  }
  return sum;
}

bool dyn::isProvablyAtMost(DimAttr lhs, DimAttr rhs, DictionaryAttr symbols) {
  if (lhs == rhs)
    return true;
  DimAttr difference = rhs - lhs;
  return computeBounds(difference, symbols).min >= 0 ||
         computeBounds(boundQuotients(difference), symbols).min >= 0;
}

//===----------------------------------------------------------------------===//
// Layout
//===----------------------------------------------------------------------===//

/// The expression's value where every symbol has a middling size. Only the
/// order in which placements are tried depends on it.
static double getSample(DimAttr dim, DictionaryAttr symbols) {
  DimAttr number = dim.substitute([&](StringAttr name) {
    int64_t sample = 64;
    auto known = symbols ? symbols.getAs<SymbolAttr>(name) : SymbolAttr();
    if (known)
      sample = std::clamp(sample, known.getMin(), known.getMax());
    return DimAttr::get(name.getContext(), sample);
  });
  // The sample itself may overflow: then it is huge.
  return number.getConstant().value_or(INT64_MAX);
}

namespace {
/// A part of the arena. Offsets of its blocks count from its start.
class Slot {
public:
  Slot(ArenaBlock *block, DictionaryAttr symbols)
      : symbols(symbols), sizes{block->size} {
    place(block, DimAttr::get(block->size.getContext(), 0));
  }

  /// Puts the block where it provably fits: at the start, or behind a block
  /// that is alive with it.
  bool tryPlace(ArenaBlock *block) {
    SmallVector<DimAttr> candidates{DimAttr::get(block->size.getContext(), 0)};
    SmallVector<ArenaBlock *> neighbours;
    for (ArenaBlock *other : blocks)
      if (block->isAliveWith(*other)) {
        neighbours.push_back(other);
        candidates.push_back(other->offset + other->size);
      }
    for (DimAttr offset : candidates) {
      DimAttr end = offset + block->size;
      bool isFree = llvm::all_of(neighbours, [&](ArenaBlock *other) {
        return isProvablyAtMost(end, other->offset, symbols) ||
               isProvablyAtMost(other->offset + other->size, offset, symbols);
      });
      if (isFree && isInside(end)) {
        place(block, offset);
        return true;
      }
    }
    return false;
  }

  /// Puts the block at the start if no block is alive with it, and makes the
  /// slot as large as either needs. Up to two sizes, to keep the formula short.
  bool tryGrow(ArenaBlock *block) {
    if (sizes.size() > 1 || llvm::any_of(blocks, [&](ArenaBlock *other) {
          return block->isAliveWith(*other);
        }))
      return false;
    if (isProvablyAtMost(sizes.front(), block->size, symbols))
      sizes.clear();
    sizes.push_back(block->size);
    place(block, DimAttr::get(block->size.getContext(), 0));
    return true;
  }

  DimAttr getSize() const {
    return sizes.size() == 1 ? sizes.front()
                             : DimAttr::max(sizes.front(), sizes.back());
  }
  ArrayRef<ArenaBlock *> getBlocks() const { return blocks; }

private:
  bool isInside(DimAttr end) const {
    return llvm::any_of(sizes, [&](DimAttr size) {
      return isProvablyAtMost(end, size, symbols);
    });
  }

  void place(ArenaBlock *block, DimAttr offset) {
    block->offset = offset;
    blocks.push_back(block);
  }

  DictionaryAttr symbols;
  /// The slot is as large as the largest of these.
  SmallVector<DimAttr, 2> sizes;
  SmallVector<ArenaBlock *> blocks;
};
} // namespace

DimAttr dyn::layOutArena(MutableArrayRef<ArenaBlock> blocks,
                         DictionaryAttr symbols, MLIRContext *context) {
  SmallVector<std::pair<double, unsigned>> order;
  for (auto [i, block] : llvm::enumerate(blocks))
    order.emplace_back(-getSample(block.size, symbols), i);
  llvm::sort(order);
  SmallVector<Slot> slots;
  for (auto [sample, i] : order) {
    ArenaBlock *block = &blocks[i];
    auto places = [&](Slot &slot) { return slot.tryPlace(block); };
    auto grows = [&](Slot &slot) { return slot.tryGrow(block); };
    if (llvm::none_of(slots, places) && llvm::none_of(slots, grows))
      slots.emplace_back(block, symbols);
  }
  DimAttr start = DimAttr::get(context, 0);
  for (const Slot &slot : slots) {
    for (ArenaBlock *block : slot.getBlocks())
      block->offset = start + block->offset;
    start = start + slot.getSize();
  }
  return start;
}
