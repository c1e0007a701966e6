//===- TransposeWeights.cpp - Fold transposes of weights ------------------===//

#include "Dyn/Resources/Elements.h"
#include "Dyn/Transforms/Passes.h"
#include "WeightFile.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/SymbolTable.h"

namespace mlir::dyn {
#define GEN_PASS_DEF_DYNTRANSPOSEWEIGHTSPASS
#include "Dyn/Transforms/Passes.h.inc"
} // namespace mlir::dyn

using namespace mlir;
using namespace mlir::dyn;

/// Writes `blob` with its axes permuted as the tensor `name`.
static Result<> writePermuted(SafetensorsWriter &writer,
                              const std::string &name, const Blob &blob,
                              ArrayRef<int64_t> permutation) {
  constexpr uint64_t kPartBytes = 4 << 20;
  Permutation permuted(getByteWidth(blob.getElementType()), blob.getShape(),
                       std::span(permutation.data(), permutation.size()));
  uint64_t rowBytes = permuted.getRowBytes();
  uint64_t rowsAtOnce =
      rowBytes ? std::max<uint64_t>(1, kPartBytes / rowBytes) : 1;
  std::vector<std::byte> part;
  for (uint64_t row = 0; row < permuted.getNumRows(); row += rowsAtOnce) {
    uint64_t count = std::min(rowsAtOnce, permuted.getNumRows() - row);
    part.resize(count * rowBytes);
    permuted.copyRows(blob.bytes(), row, count, part);
    if (Result<> written = writer.write(name, part); !written)
      return written;
  }
  blob.dropPages();
  return {};
}

namespace {
/// A weight in the layout that one permutation gives it.
struct Layout {
  WeightUse *use;
  ArrayRef<int64_t> permutation;
  SmallVector<TransposeOp> transposes;
  std::string name; ///< Of the tensor in the file.
};

struct DynTransposeWeightsPass
    : dyn::impl::DynTransposeWeightsPassBase<DynTransposeWeightsPass> {
  using Base::Base;

  void runOnOperation() override {
    if (failed(transpose()))
      signalPassFailure();
  }

  static bool isTransposed(WeightOp, ArrayRef<GetWeightOp> readers) {
    return llvm::any_of(readers, [](GetWeightOp reader) {
      return llvm::any_of(reader->getUsers(), llvm::IsaPred<TransposeOp>);
    });
  }

  static SmallVector<Layout> collectLayouts(MutableArrayRef<WeightUse> uses) {
    SmallVector<Layout> layouts;
    for (WeightUse &use : uses) {
      llvm::MapVector<ArrayRef<int64_t>, SmallVector<TransposeOp>> found;
      for (GetWeightOp reader : use.readers)
        for (Operation *user : reader->getUsers())
          if (auto transpose = dyn_cast<TransposeOp>(user))
            found[transpose.getPermutation()].push_back(transpose);
      for (auto &[permutation, transposes] : found)
        layouts.push_back({&use, permutation, std::move(transposes), {}});
    }
    return layouts;
  }

  /// True if the weight is used in this layout only.
  static bool replaces(const Layout &layout) {
    size_t users = 0;
    for (GetWeightOp reader : layout.use->readers)
      users += llvm::range_size(reader->getUses());
    return users == layout.transposes.size();
  }

  LogicalResult transpose() {
    ModuleOp module = getOperation();
    FailureOr<SmallVector<WeightUse>> uses =
        collectWeights(module, weightsDir, isTransposed);
    if (failed(uses))
      return failure();
    SmallVector<Layout> layouts = collectLayouts(*uses);
    SmallVector<WeightOp> replaced;
    for (const Layout &layout : layouts)
      if (replaces(layout))
        replaced.push_back(layout.use->weight);
    FailureOr<WeightFile> file =
        WeightFile::create(module, output, weightsDir, replaced);
    if (failed(file))
      return failure();
    declare(*file, layouts);
    if (failed(file->write()))
      return failure();
    SymbolTable symbols(module);
    for (const Layout &layout : layouts)
      rewrite(*file, symbols, layout);
    for (WeightUse &use : *uses)
      for (GetWeightOp reader : use.readers)
        if (reader->use_empty())
          reader->erase();
    return success();
  }

  static void declare(WeightFile &file, MutableArrayRef<Layout> layouts) {
    BlobNumbering numbering;
    std::map<std::pair<unsigned, std::vector<int64_t>>, std::string> names;
    for (Layout &layout : layouts) {
      const Blob &blob = layout.use->blob;
      std::string &name =
          names[{numbering.getNumber(blob), layout.permutation.vec()}];
      if (name.empty()) {
        std::vector<int64_t> shape;
        for (int64_t axis : layout.permutation)
          shape.push_back(blob.getShape()[axis]);
        name = file.declare(layout.use->weight,
                            replaces(layout) ? "" : "_transposed",
                            blob.getElementType(), std::move(shape));
        file.addProducer(
            blob.getNumBytes(),
            [name, blob, permutation = layout.permutation](auto &writer) {
              return writePermuted(writer, name, blob, permutation);
            });
      }
      layout.name = name;
    }
  }

  static void rewrite(const WeightFile &file, SymbolTable &symbols,
                      const Layout &layout) {
    WeightOp weight = layout.use->weight;
    DynTensorType type = weight.getTensorType();
    SmallVector<DimAttr> shape;
    for (int64_t axis : layout.permutation)
      shape.push_back(type.getDim(axis));
    if (!replaces(layout)) {
      auto copy = cast<WeightOp>(weight->clone());
      copy.setSymName((weight.getSymName() + "_transposed").str());
      symbols.insert(copy, std::next(Block::iterator(weight)));
      weight = copy;
    }
    file.refer(weight, layout.name, type.clone(shape));
    for (TransposeOp transpose : layout.transposes) {
      OpBuilder builder(transpose);
      auto value =
          GetWeightOp::create(builder, transpose.getLoc(),
                              weight.getTensorType(), weight.getSymName());
      transpose->replaceAllUsesWith(value);
      transpose->erase();
    }
  }
};
} // namespace
