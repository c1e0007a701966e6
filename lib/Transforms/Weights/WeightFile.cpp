//===- WeightFile.cpp - Transformed weights in a file of their own --------===//

#include "WeightFile.h"
#include "Progress.h"
#include "mlir/IR/SymbolTable.h"
#include "llvm/Support/xxhash.h"

#include <filesystem>

using namespace mlir;
using namespace mlir::dyn;

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

// Errors are emitted at locations, not on operations, which would print the
// whole module after a sentence about a file.

FailureOr<SmallVector<WeightUse>> dyn::collectWeights(
    ModuleOp module, StringRef weightsDir,
    function_ref<bool(WeightOp, ArrayRef<GetWeightOp>)> isWanted) {
  llvm::DenseMap<StringAttr, SmallVector<GetWeightOp>> readers;
  llvm::DenseMap<StringAttr, Operation *> others;
  if (auto uses = SymbolTable::getSymbolUses(&module.getBodyRegion()))
    for (const SymbolTable::SymbolUse &use : *uses) {
      StringAttr name = use.getSymbolRef().getRootReference();
      if (auto reader = dyn_cast<GetWeightOp>(use.getUser()))
        readers[name].push_back(reader);
      else
        others.try_emplace(name, use.getUser());
    }
  SmallVector<WeightUse> weights;
  for (WeightOp weight : module.getOps<WeightOp>()) {
    StringAttr name = weight.getSymNameAttr();
    if (!isWanted(weight, readers[name]))
      continue;
    if (Operation *other = others.lookup(name))
      return emitError(weight.getLoc())
             << "weight '" << name.getValue() << "' is used by a "
             << other->getName()
             << ", expects uses by dyn.get_weight only: change weights before "
                "they are lowered";
    Result<Blob> blob = readWeight(weight, weightsDir);
    if (!blob)
      return emitError(weight.getLoc(), blob.error().message());
    weights.push_back({weight, *std::move(blob), readers[name]});
  }
  return weights;
}

/// A digest of a few bytes of `blob`, its type and its shape.
static uint64_t sample(const Blob &blob) {
  constexpr size_t kSampleBytes = 64;
  std::span<const std::byte> bytes = blob.bytes();
  std::string text =
      formatTensorType(blob.getElementType(), blob.getShape()) + ' ';
  size_t count = std::min(kSampleBytes, bytes.size());
  for (size_t offset :
       {size_t(0), (bytes.size() - count) / 2, bytes.size() - count})
    text.append(reinterpret_cast<const char *>(bytes.data()) + offset, count);
  return llvm::xxh3_64bits(text);
}

static bool haveEqualData(const Blob &lhs, const Blob &rhs) {
  if (lhs.getElementType() != rhs.getElementType() ||
      lhs.getShape() != rhs.getShape())
    return false;
  std::span<const std::byte> left = lhs.bytes(), right = rhs.bytes();
  if (left.data() == right.data() || left.empty())
    return true;
  bool isEqual = std::memcmp(left.data(), right.data(), left.size()) == 0;
  lhs.dropPages();
  rhs.dropPages();
  return isEqual;
}

unsigned BlobNumbering::getNumber(const Blob &blob) {
  uint64_t digest = sample(blob);
  auto [begin, end] = bySample.equal_range(digest);
  for (auto it = begin; it != end; ++it)
    if (haveEqualData(blob, blobs[it->second]))
      return it->second;
  bySample.emplace(digest, blobs.size());
  blobs.push_back(blob);
  return blobs.size() - 1;
}

Result<> dyn::forEachPart(
    const Blob &blob,
    function_ref<Result<>(uint64_t, std::span<const std::byte>)> visit) {
  constexpr uint64_t kPartBytes = 1 << 20;
  uint64_t width = getByteWidth(blob.getElementType());
  std::span<const std::byte> bytes = blob.bytes();
  for (uint64_t begin = 0; begin < bytes.size(); begin += kPartBytes) {
    uint64_t size = std::min<uint64_t>(kPartBytes, bytes.size() - begin);
    if (Result<> done = visit(begin / width, bytes.subspan(begin, size)); !done)
      return done;
    if (blob.getFile())
      Blob::slice(blob.getFile(), blob.getFileOffset() + begin, ElementType::U8,
                  {static_cast<int64_t>(size)})
          ->dropPages();
  }
  blob.dropPages();
  return {};
}

//===----------------------------------------------------------------------===//
// WeightFile
//===----------------------------------------------------------------------===//

std::string dyn::makeReference(const std::string &path,
                               const std::string &folder) {
  namespace fs = std::filesystem;
  std::error_code error;
  fs::path absolute =
      fs::weakly_canonical(fs::absolute(path).parent_path(), error) /
      fs::path(path).filename();
  fs::path root = fs::weakly_canonical(folder.empty() ? "." : folder, error);
  fs::path relative = absolute.lexically_relative(root);
  bool isInside = !relative.empty() && *relative.begin() != "..";
  return (isInside ? relative : absolute).string();
}

FailureOr<WeightFile> WeightFile::create(ModuleOp module, StringRef path,
                                         StringRef weightsDir,
                                         ArrayRef<WeightOp> replaced) {
  if (path.empty())
    return emitError(
        module.getLoc(),
        "the pass expects output=FILE.safetensors, where to write new weights");
  WeightFile file(module, path);
  file.reference = StringAttr::get(
      module.getContext(),
      makeReference(file.path, getWeightFolders(module.getContext()).model));
  if (Result<> found = file.findOldFile(weightsDir, replaced); !found)
    return emitError(module.getLoc(), found.error().message());
  return file;
}

Result<> WeightFile::findOldFile(StringRef weightsDir,
                                 ArrayRef<WeightOp> replaced) {
  Result<std::shared_ptr<const MappedFile>> target = MappedFile::open(path);
  if (!target)
    return {}; // If it cannot be written either, the writer says so.
  SmallVector<WeightOp> inside;
  for (WeightOp weight : module.getOps<WeightOp>())
    // What cannot be opened is not in a file that can.
    if (Result<Blob> blob = readWeight(weight, weightsDir);
        blob && blob->getFile() &&
        blob->getFile()->getIdentity() == (*target)->getIdentity())
      inside.push_back(weight);
  if (inside.empty())
    return {};
  std::string name = inside.front().getSymName().str();
  Result<Safetensors> opened = Safetensors::open(*std::move(target));
  if (!opened)
    return Error(path + ": has weight '" + name +
                 "' in it and is no safetensors file: write to another file");
  old = *std::move(opened);
  llvm::StringSet<> dropped, kept;
  for (WeightOp weight : inside) {
    ExternalAttr source = weight.getProperties().source.getReference();
    bool isReplaced = llvm::is_contained(replaced, weight);
    if (source && source.getKey()) {
      oldNames[weight] = source.getKey().str();
      (isReplaced ? dropped : kept).insert(source.getKey());
    } else if (!isReplaced) {
      return Error(path + ": weight '" + weight.getSymName().str() +
                   "' refers to a range of its bytes: write to another file");
    }
  }
  for (const auto &entry : kept)
    dropped.erase(entry.getKey());
  keepOldTensors(dropped);
  return {};
}

void WeightFile::keepOldTensors(const llvm::StringSet<> &dropped) {
  for (const TensorEntry &tensor : old->getIndex()->getTensors()) {
    if (dropped.contains(tensor.name))
      continue;
    names.insert(tensor.name);
    specs.push_back(tensor);
    steps.push_back(
        {tensor.numBytes,
         [name = tensor.name, blob = old->getBlob(tensor)](
             SafetensorsWriter &writer) { return writer.write(name, blob); }});
  }
}

std::string WeightFile::declare(WeightOp weight, StringRef suffix,
                                ElementType type, std::vector<int64_t> shape) {
  auto it = oldNames.find(weight);
  std::string wanted =
      (it == oldNames.end() ? weight.getSymName().str() : it->second) +
      suffix.str();
  std::string name = wanted;
  for (unsigned i = 1; !names.insert(name).second; ++i)
    name = wanted + "_" + std::to_string(i);
  specs.push_back({name, type, std::move(shape)});
  return name;
}

Result<> WeightFile::writeAll() const {
  uint64_t totalBytes = 0;
  for (const Step &step : steps)
    totalBytes += step.numBytes;
  Progress progress(path, totalBytes);
  Result<SafetensorsWriter> writer = SafetensorsWriter::create(
      path, specs,
      old ? old->getIndex()->getMetadata() : SafetensorsMetadata());
  if (!writer)
    return writer.error();
  for (const Step &step : steps) {
    if (Result<> done = step.produce(*writer); !done)
      return done;
    progress.add(step.numBytes);
  }
  return writer->commit();
}

LogicalResult WeightFile::write() {
  if (!hasProducers)
    return success();
  if (Result<> written = writeAll(); !written)
    return emitError(module.getLoc(), written.error().message());
  return success();
}

void WeightFile::refer(WeightOp weight, StringRef name,
                       DynTensorType type) const {
  weight.setType(type);
  weight.getProperties().source = WeightSource(
      ExternalAttr::get(reference, StringAttr::get(weight.getContext(), name)));
}
