//===- LoweringConfig.cpp - How one op becomes code -----------------------===//

#include "Dyn/Transforms/LoweringConfig.h"
#include "../Panels.h"
#include "LoopPlan.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace mlir::dyn;

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

DictionaryAttr LoweringConfig::getAttr(linalg::LinalgOp op) const {
  Builder b(op.getContext());
  auto number = [&](StringRef name, int64_t value) {
    return b.getNamedAttr(name, b.getI64IntegerAttr(value));
  };
  auto list = [&](StringRef name, ArrayRef<int64_t> values) {
    return b.getNamedAttr(name, b.getDenseI64ArrayAttr(values));
  };
  if (op.getNumReductionLoops() == 0)
    return b.getDictionaryAttr(number("stream", stream));
  SmallVector<NamedAttribute> fields{
      number("grain", grain),
      number("prefetch", prefetch),
      number("prefetch_rows", prefetchRows),
      number("reduction_block", reductionBlock),
      list("registers", {registers.rows, registers.vectors}),
      list("tile", {tileRows, tileColumns}),
      number("unroll", unroll)};
  if (hasScatteredColumns(op) && isContraction(op))
    fields.push_back(number("transpose", transpose));
  if (!wide.empty())
    fields.push_back(list("wide", wide));
  return b.getDictionaryAttr(fields);
}

//===----------------------------------------------------------------------===//
// Decide
//===----------------------------------------------------------------------===//

/// Vector registers that a block of `rows` accumulators times `vectors` takes:
/// beside them a row of the right-hand side, one vector of the left. What a
/// single row multiplies by comes from memory.
static int64_t countRegisters(int64_t rows, int64_t vectors) {
  return rows * vectors + (rows == 1 ? 0 : vectors) + 1;
}

/// Pieces of a row of this many bytes are read as fast as the whole row.
static constexpr int64_t kWideBytes = 512;

/// See `LoweringConfig`. Powers of two: a wide block is some narrower ones.
static SmallVector<int64_t> decideWide(const Target &target) {
  SmallVector<int64_t> wide;
  int64_t most = kWideBytes / (target.vectorBits / 8);
  for (int64_t rows = 1;; ++rows) {
    int64_t vectors = most;
    while (countRegisters(rows, vectors) > target.vectorRegisters)
      vectors /= 2;
    if (vectors <= target.tile.vectors)
      return wide;
    wide.push_back(vectors);
  }
}

/// Combining the lanes of a longer sum takes less time than transposing columns
/// and going over the sums once a block.
static constexpr int64_t kTransposedSteps = 128;

LoweringConfig mlir::dyn::decideLowering(linalg::LinalgOp op,
                                         const Target &target) {
  LoweringConfig config;
  if (op.getNumReductionLoops() == 0) {
    config.stream = target.stream;
    return config;
  }
  // Enough rows that reading the other operand again costs nothing.
  config.tileRows = 4 * target.tile.rows;
  config.tileColumns = target.tile.vectors * target.vectorBits / 32;
  bool isScattered = hasScatteredColumns(op);
  config.registers = isScattered ? target.dotTile : target.tile;
  OpOperand *panels = findPanels(op);
  if (!panels) {
    if (!isContraction(op))
      return config;
    if (isScattered) {
      // What a block of rows has brought to the first cache serves more
      // columns.
      config.tileColumns *= 4;
      config.tileRows = TransposedColumns::kRows;
      config.transpose = kTransposedSteps;
      return config;
    }
    config.wide = decideWide(target);
    config.tileColumns = config.wide.front() * target.vectorBits / 32;
    config.prefetch = target.prefetchDistance / 4;
    return config;
  }
  // A block of panels takes a fifth of the second level of the cache: rows of
  // the left-hand side, the next block and the result need room beside it.
  int64_t elementBytes = llvm::divideCeil(
      getElementTypeOrSelf(panels->get()).getIntOrFloatBitWidth(), 8);
  int64_t steps = target.l2Cache / 5 / (config.tileColumns * elementBytes);
  if (op.getNumReductionLoops() == 1)
    config.reductionBlock = std::max<int64_t>(512, steps / 512 * 512);
  config.prefetch = target.prefetchDistance;
  config.prefetchRows = target.prefetchRows;
  config.unroll = target.unrolledSteps;
  // Threads that take fewer columns at a time get in each other's way in
  // memory.
  config.grain = 2;
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

  void readNumber(StringRef key, int64_t least, int64_t &number,
                  int64_t most = std::numeric_limits<int64_t>::max()) {
    auto value = take<IntegerAttr>(key, "an integer");
    if (!value)
      return;
    number = value.getInt();
    if (number < least)
      fail("'" + key + "' expects at least " + Twine(least) + ", got " +
           Twine(number));
    if (number > most)
      fail("'" + key + "' expects at most " + Twine(most) + ", got " +
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

  void readList(StringRef key, SmallVector<int64_t> &numbers) {
    auto value = take<DenseI64ArrayAttr>(key, "array<i64: ...>");
    if (value)
      numbers.assign(value.asArrayRef().begin(), value.asArrayRef().end());
  }

  void finish(StringRef whose = "") {
    for (NamedAttribute field : attribute)
      if (!known.contains(field.getName()))
        fail(whose + (whose.empty() ? "" : " ") + "has no field '" +
             field.getName().getValue() + "'");
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

/// Code grows by as much for each row count of the register tile.
constexpr int64_t kMostUnrolled = 16;

static void verify(linalg::LinalgOp op, const Target &target,
                   const LoweringConfig &config, ConfigReader &reader) {
  auto [rows, vectors] = config.registers;
  auto checkRegisters = [&](StringRef key, int64_t rows, int64_t vectors) {
    int64_t needed = countRegisters(rows, vectors);
    if (needed > target.vectorRegisters)
      reader.fail(key + " " + Twine(rows) + " x " + Twine(vectors) + " need " +
                  Twine(needed) + " vector registers, " + target.name +
                  " has " + Twine(target.vectorRegisters));
  };
  checkRegisters("registers", rows, vectors);
  for (auto [index, wide] : llvm::enumerate(config.wide)) {
    checkRegisters("'wide'", index + 1, wide);
    if (wide <= vectors || wide % vectors ||
        !llvm::isPowerOf2_64(wide / vectors))
      reader.fail("'wide' expects a power of 2 times the " + Twine(vectors) +
                  " vectors of 'registers', got " + Twine(wide));
  }
  OpOperand *panels = findPanels(op);
  if (!panels &&
      (config.reductionBlock || config.prefetchRows != 1 || config.unroll != 1))
    reader.fail("'reduction_block', 'prefetch_rows' and 'unroll' are for "
                "operands packed as panels, this op has none");
  if (config.transpose && !(hasScatteredColumns(op) && isContraction(op)))
    reader.fail("'transpose' is for contractions with columns that are far "
                "apart in an operand, this op has none");
  if (!panels && config.wide.empty() && config.prefetch)
    reader.fail("'prefetch' is for operands packed as panels and for 'wide' "
                "blocks, this op has none");
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
  // Fields that are not given are decided. What is decided for wide blocks
  // goes with the registers that are.
  if (dictionary.contains("registers") && !dictionary.contains("wide") &&
      !findPanels(op)) {
    config.wide.clear();
    config.prefetch = 0;
  }
  ConfigReader reader(dictionary);
  if (op.getNumReductionLoops() == 0) {
    reader.readNumber("stream", 0, config.stream);
    reader.finish("of an op without a reduction");
    if (!reader.error.empty())
      return refuse(reader.error);
    return config;
  }
  reader.readPair("tile", config.tileRows, config.tileColumns);
  reader.readPair("registers", config.registers.rows, config.registers.vectors);
  reader.readList("wide", config.wide);
  reader.readNumber("reduction_block", 0, config.reductionBlock);
  reader.readNumber("prefetch", 0, config.prefetch);
  reader.readNumber("prefetch_rows", 1, config.prefetchRows);
  reader.readNumber("transpose", 0, config.transpose);
  reader.readNumber("unroll", 1, config.unroll, kMostUnrolled);
  reader.readNumber("grain", 1, config.grain);
  reader.finish();
  verify(op, target, config, reader);
  if (!reader.error.empty())
    return refuse(reader.error);
  return config;
}
