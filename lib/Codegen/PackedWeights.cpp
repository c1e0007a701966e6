//===- PackedWeights.cpp - Weights in the layout of the kernels -----------===//

#include "Dyn/Codegen/PackedWeights.h"
#include "llvm/Support/MathExtras.h"
#include <cstring>

using namespace mlir;
using namespace mlir::dyn;

/// Bytes in memory: of panels at work, and of the source's pages in between.
static constexpr int64_t kPieceBytes = 2 << 20;

namespace {
class PanelWriter {
public:
  PanelWriter(const PackedWeight &weight, SafetensorsWriter &writer)
      : weight(weight), writer(writer), streams(weight.shape[0]),
        pairs(weight.shape[1]), rows(1), width(weight.shape.back()),
        elementBytes(computeElementBytes(weight.source)) {
    for (int64_t size : llvm::ArrayRef(weight.shape).drop_front(2).drop_back())
      rows *= size;
  }

  Result<> write();

private:
  static int64_t computeElementBytes(const Blob &blob) {
    int64_t count = 1;
    for (int64_t size : blob.getShape())
      count *= size;
    return count ? int64_t(blob.getNumBytes()) / count : 1;
  }
  /// Whether columns are the second dimension of a matrix, not the first one of
  /// a weight; nothing if the map is no layout of panels.
  std::optional<bool> matchColumnsLast() const;
  void copyRows(int64_t first, int64_t count);
  template <typename T> void turnRows(int64_t first, int64_t count);
  /// The first column of a panel, counted as they lie in memory.
  int64_t columnOf(int64_t panel) const {
    return (panel % pairs * streams + panel / pairs) * width;
  }
  char *at(int64_t panel, int64_t row) {
    return piece.data() + (panel * rows + row) * width * elementBytes;
  }

  const PackedWeight &weight;
  SafetensorsWriter &writer;
  int64_t streams, pairs, rows, width, elementBytes;
  std::vector<char> piece;
};
} // namespace

std::optional<bool> PanelWriter::matchColumnsLast() const {
  MLIRContext *context = weight.place.getContext();
  unsigned rank = weight.shape.size();
  SmallVector<AffineExpr> exprs{getAffineDimExpr(1, context) *
                                    (streams * width) +
                                getAffineDimExpr(0, context) * width +
                                getAffineDimExpr(rank - 1, context)};
  for (unsigned dim = 2; dim + 1 < rank; ++dim)
    exprs.push_back(getAffineDimExpr(dim, context));
  if (weight.place == AffineMap::get(rank, 0, exprs, context))
    return false;
  std::swap(exprs.front(), exprs.back());
  if (rank == 4 && weight.place == AffineMap::get(rank, 0, exprs, context))
    return true;
  return std::nullopt;
}

/// `count` panels from `first` on, of a matrix whose columns lie side by side.
void PanelWriter::copyRows(int64_t first, int64_t count) {
  const int64_t columns = weight.source.getShape()[1];
  auto *source = reinterpret_cast<const char *>(weight.source.bytes().data());
  int64_t touched = 0;
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t panel = 0; panel < count; ++panel) {
      int64_t column = columnOf(first + panel);
      if (column < columns)
        std::memcpy(at(panel, row),
                    source + (row * columns + column) * elementBytes,
                    std::min(width, columns - column) * elementBytes);
    }
    // The system maps what the page cache holds in one folio, up to 2 MiB,
    // around what is touched.
    touched += std::min(columns * elementBytes,
                        streams * count * width * elementBytes + kPieceBytes);
    if (touched > kPieceBytes) {
      weight.source.dropPages();
      touched = 0;
    }
  }
}

/// The same of a weight in which the elements of a column lie side by side.
template <typename T> void PanelWriter::turnRows(int64_t first, int64_t count) {
  const int64_t columns = weight.source.getShape()[0];
  auto *source = reinterpret_cast<const char *>(weight.source.bytes().data());
  for (int64_t panel = 0; panel < count; ++panel) {
    int64_t column = columnOf(first + panel);
    int64_t lanes = std::min(width, columns - column);
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t lane = 0; lane < lanes; ++lane)
        std::memcpy(at(panel, row) + lane * sizeof(T),
                    source + ((column + lane) * rows + row) * sizeof(T),
                    sizeof(T));
  }
}

Result<> PanelWriter::write() {
  std::optional<bool> columnsLast = matchColumnsLast();
  if (!columnsLast ||
      weight.source.getShape().size() + 2 != weight.shape.size())
    return Error("weight '" + weight.name +
                 "': has a layout that is none of panels of columns");
  int64_t together = std::max<int64_t>(
      1, kPieceBytes / std::max<int64_t>(1, rows * width * elementBytes));
  const int64_t panels = streams * pairs;
  for (int64_t first = 0; first < panels; first += together) {
    int64_t count = std::min(together, panels - first);
    piece.assign(count * rows * width * elementBytes, 0);
    if (*columnsLast)
      copyRows(first, count);
    else if (elementBytes == 1)
      turnRows<uint8_t>(first, count);
    else if (elementBytes == 2)
      turnRows<uint16_t>(first, count);
    else if (elementBytes == 4)
      turnRows<uint32_t>(first, count);
    else
      turnRows<uint64_t>(first, count);
    weight.source.dropPages();
    if (auto written =
            writer.write(weight.name, std::as_bytes(std::span(piece)));
        !written)
      return written;
  }
  return {};
}

Result<> mlir::dyn::writePackedWeights(llvm::ArrayRef<PackedWeight> weights,
                                       const std::string &path) {
  std::vector<TensorSpec> specs;
  for (const PackedWeight &weight : weights)
    specs.push_back(
        {weight.name, weight.source.getElementType(), weight.shape});
  Result<SafetensorsWriter> writer = SafetensorsWriter::create(path, specs);
  if (!writer)
    return writer.error();
  for (const PackedWeight &weight : weights)
    if (auto written = PanelWriter(weight, *writer).write(); !written)
      return written;
  return writer->commit();
}
