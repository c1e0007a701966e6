//===- LoweringConfig.cpp - How one op becomes code -----------------------===//

#include "Dyn/Transforms/LoweringConfig.h"
#include "../Panels.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace mlir::dyn;

DictionaryAttr LoweringConfig::getAttr(MLIRContext *context) const {
  Builder b(context);
  return b.getDictionaryAttr(
      {b.getNamedAttr("grain", b.getI64IntegerAttr(grain)),
       b.getNamedAttr("prefetch", b.getI64IntegerAttr(prefetch)),
       b.getNamedAttr("reduction_block", b.getI64IntegerAttr(reductionBlock)),
       b.getNamedAttr("registers", b.getDenseI64ArrayAttr(
                                       {registers.rows, registers.vectors})),
       b.getNamedAttr("tile",
                      b.getDenseI64ArrayAttr({tileRows, tileColumns}))});
}

//===----------------------------------------------------------------------===//
// Decide
//===----------------------------------------------------------------------===//

/// Whether columns of the result are far apart in an operand, so that vectors
/// run along the reduction instead.
static bool hasScatteredColumns(linalg::LinalgOp op) {
  AffineMap result = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  if (result.getNumResults() == 0)
    return true;
  AffineExpr column = result.getResults().back();
  auto dim = dyn_cast<AffineDimExpr>(column);
  return llvm::any_of(op.getDpsInputOperands(), [&](OpOperand *in) {
    AffineMap map = op.getMatchingIndexingMap(in);
    return dim && map.isFunctionOfDim(dim.getPosition()) && !matchPanels(map) &&
           !map.getResults().back().isFunctionOfDim(dim.getPosition());
  });
}

LoweringConfig mlir::dyn::decideLowering(linalg::LinalgOp op,
                                         const Target &target) {
  LoweringConfig config;
  // Enough rows that reading the other operand again costs nothing.
  config.tileRows = 4 * target.tile.rows;
  config.tileColumns = target.tile.vectors * target.vectorBits / 32;
  config.registers = hasScatteredColumns(op) ? target.dotTile : target.tile;
  OpOperand *panels = findPanels(op);
  if (!panels)
    return config;
  // A block of panels takes a fifth of the second level of the cache: rows of
  // the left-hand side, the next block and the result need room beside it.
  int64_t elementBytes = llvm::divideCeil(
      getElementTypeOrSelf(panels->get()).getIntOrFloatBitWidth(), 8);
  int64_t steps = target.l2Cache / 5 / (config.tileColumns * elementBytes);
  config.reductionBlock = std::max<int64_t>(512, steps / 512 * 512);
  config.prefetch = target.prefetchDistance;
  return config;
}

//===----------------------------------------------------------------------===//
// Verify
//===----------------------------------------------------------------------===//

namespace {
/// Reads the attribute's fields; the first rule broken is `error`.
class ConfigReader {
public:
  explicit ConfigReader(DictionaryAttr attribute) : attribute(attribute) {}

  void readNumber(StringRef key, int64_t least, int64_t &number) {
    auto value = take<IntegerAttr>(key, "an integer");
    if (!value)
      return;
    number = value.getInt();
    if (number < least)
      fail("'" + key + "' expects at least " + Twine(least) + ", got " +
           Twine(number));
  }

  void readPair(StringRef key, int64_t &first, int64_t &second) {
    auto value = take<DenseI64ArrayAttr>(key, "array<i64: rows, ...>");
    if (!value)
      return;
    if (value.size() != 2)
      return fail("'" + key + "' expects 2 numbers, got " +
                  Twine(value.size()));
    first = value[0];
    second = value[1];
    if (first < 1 || second < 1)
      fail("'" + key + "' expects numbers of at least 1, got " +
           Twine(std::min(first, second)));
  }

  void finish() {
    for (NamedAttribute field : attribute)
      if (!known.contains(field.getName()))
        fail("has no field '" + field.getName().getValue() + "'");
  }

  void fail(const Twine &why) {
    if (error.empty())
      error = why.str();
  }

  std::string error;

private:
  template <typename T> T take(StringRef key, StringRef what) {
    known.insert(StringAttr::get(attribute.getContext(), key));
    Attribute value = attribute.get(key);
    if (!value)
      return {};
    if (!isa<T>(value))
      fail("'" + key + "' expects " + what);
    return dyn_cast<T>(value);
  }

  DictionaryAttr attribute;
  llvm::DenseSet<StringAttr> known;
};
} // namespace

static void verify(linalg::LinalgOp op, const Target &target,
                   const LoweringConfig &config, ConfigReader &reader) {
  auto [rows, vectors] = config.registers;
  // The accumulators, a row of the right-hand side, one vector of the left.
  int64_t needed = rows * vectors + vectors + 1;
  if (needed > target.vectorRegisters)
    reader.fail("registers " + Twine(rows) + " x " + Twine(vectors) + " need " +
                Twine(needed) + " vector registers, " + target.name + " has " +
                Twine(target.vectorRegisters));
  OpOperand *panels = findPanels(op);
  if (!panels && (config.reductionBlock || config.prefetch))
    reader.fail("'reduction_block' and 'prefetch' are for operands packed as "
                "panels, this op has none");
  if (panels)
    if (int64_t width = matchPanels(op, *panels)->width;
        config.tileColumns != width &&
        config.tileColumns % (kPanelStreams * width))
      reader.fail("a tile of " + Twine(config.tileColumns) +
                  " columns is neither a panel of " + Twine(width) +
                  " nor a whole number of pairs");
}

FailureOr<LoweringConfig> mlir::dyn::getLoweringConfig(linalg::LinalgOp op,
                                                       const Target &target) {
  LoweringConfig config = decideLowering(op, target);
  Attribute attribute = op->getDiscardableAttr(LoweringConfig::kAttrName);
  if (!attribute)
    return config;
  auto refuse = [&](const Twine &why) {
    return op->emitOpError() << "'" << LoweringConfig::kAttrName << "' " << why;
  };
  auto dictionary = dyn_cast<DictionaryAttr>(attribute);
  if (!dictionary)
    return refuse("expects a dictionary");
  if (op.getNumReductionLoops() == 0)
    return refuse(
        "is for ops that multiply and sum, this one has no reduction");
  // Fields that are not given are decided.
  ConfigReader reader(dictionary);
  reader.readPair("tile", config.tileRows, config.tileColumns);
  reader.readPair("registers", config.registers.rows, config.registers.vectors);
  reader.readNumber("reduction_block", 0, config.reductionBlock);
  reader.readNumber("prefetch", 0, config.prefetch);
  reader.readNumber("grain", 1, config.grain);
  reader.finish();
  verify(op, target, config, reader);
  if (!reader.error.empty())
    return refuse(reader.error);
  return config;
}
