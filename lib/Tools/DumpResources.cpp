//===- DumpResources.cpp - A table of weights and resources ---------------===//

#include "Dyn/Dialect/WeightData.h"
#include "Dyn/Driver/LoadModel.h"
#include "Dyn/Import/Onnx.h"
#include "Dyn/Resources/Safetensors.h"
#include "Dyn/Resources/WeightLocation.h"
#include "Dyn/Tools/WeightTools.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <map>

using namespace mlir;
using namespace mlir::dyn;

//===----------------------------------------------------------------------===//
// The table
//===----------------------------------------------------------------------===//

namespace {
/// What uses a resource, with how often each occurs: "dyn.matmul (3)".
class Users {
public:
  void add(StringRef user) { ++counts[user.str()]; }
  std::string str() const {
    constexpr size_t kShown = 4;
    std::string text;
    for (const auto &[index, entry] : llvm::enumerate(counts)) {
      if (index == kShown)
        return text + llvm::formatv(", {0} more", counts.size() - kShown).str();
      text += index ? ", " : "";
      text += entry.first;
      if (entry.second > 1)
        text += " (" + std::to_string(entry.second) + ")";
    }
    return text;
  }

private:
  std::map<std::string, unsigned> counts;
};

struct Row {
  std::string name;
  std::string type;
  std::optional<uint64_t> numBytes;
  std::string place;
  std::string users;
};
} // namespace

/// `text` on one line, whatever is in it.
static std::string escape(StringRef text) {
  std::string escaped;
  llvm::raw_string_ostream os(escaped);
  for (char c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)
      os << "\\x" << llvm::hexdigit(c >> 4 & 15) << llvm::hexdigit(c & 15);
    else
      os << c;
  return escaped;
}

static void printTable(const std::vector<Row> &rows, raw_ostream &os) {
  using Line = std::array<std::string, 5>;
  std::vector<Line> lines{{"name", "type", "bytes", "place", "users"}};
  uint64_t total = 0;
  for (const Row &row : rows) {
    total += row.numBytes.value_or(0);
    lines.push_back({escape(row.name), escape(row.type),
                     row.numBytes ? std::to_string(*row.numBytes) : "?",
                     escape(row.place), escape(row.users)});
  }
  std::array<size_t, 5> widths{};
  for (const Line &line : lines)
    for (size_t i = 0; i < line.size(); ++i)
      widths[i] = std::max(widths[i], line[i].size());
  for (const Line &line : lines) {
    std::string text;
    for (size_t i = 0; i < line.size(); ++i) {
      std::string space(widths[i] - line[i].size(), ' ');
      bool isNumber = i == 2;
      text += isNumber ? space + line[i] : line[i] + space;
      text += "  ";
    }
    os << StringRef(text).rtrim(' ') << '\n';
  }
  os << llvm::formatv("{0} resources, {1} bytes\n", rows.size(), total);
}

//===----------------------------------------------------------------------===//
// Safetensors and ONNX
//===----------------------------------------------------------------------===//

static std::vector<Row> listSafetensors(const Safetensors &file) {
  std::vector<Row> rows;
  for (const TensorEntry &tensor : file.getIndex()->getTensors())
    rows.push_back({tensor.name, formatTensorType(tensor.type, tensor.shape),
                    tensor.numBytes, "byte " + std::to_string(tensor.offset),
                    ""});
  return rows;
}

static std::vector<Row> listTensors(const std::vector<OnnxTensor> &tensors) {
  std::vector<Row> rows;
  for (const OnnxTensor &tensor : tensors) {
    Users users;
    for (const std::string &user : tensor.users)
      users.add(user);
    rows.push_back(
        {tensor.name, tensor.type, tensor.numBytes, tensor.place, users.str()});
  }
  return rows;
}

//===----------------------------------------------------------------------===//
// MLIR
//===----------------------------------------------------------------------===//

namespace {
/// Collects what a module owns or refers to. Nothing is opened but the files
/// that references name, and of these the index.
class ModuleResources {
public:
  /// `contents` is what the module was read from.
  ModuleResources(StringRef contents, const WeightFolders &folders)
      : contents(contents), folders(folders) {}

  void collect(ModuleOp module) {
    module.walk([&](Operation *op) {
      if (auto weight = dyn_cast<WeightOp>(op))
        weights.push_back(weight);
      else if (auto get = dyn_cast<GetWeightOp>(op))
        for (Operation *user : get->getUsers())
          weightUsers[get.getWeightAttr().getAttr()].add(
              user->getName().getStringRef());
      else
        collectAttributes(op);
    });
  }

  std::vector<Row> getRows() {
    std::vector<Row> rows;
    rows.reserve(weights.size() + resources.size());
    for (WeightOp weight : weights)
      rows.push_back(describe(weight));
    for (auto &[attribute, users] : resources)
      rows.push_back(describe(attribute, users));
    return rows;
  }

private:
  /// Resources of other dialects, and arguments that stand for weights.
  void collectAttributes(Operation *op) {
    if (auto function = dyn_cast<FunctionOpInterface>(op))
      for (unsigned i = 0; i < function.getNumArguments(); ++i)
        if (auto symbol =
                function.getArgAttrOfType<FlatSymbolRefAttr>(i, "dyn.weight"))
          weightUsers[symbol.getAttr()].add(
              ("@" + function.getName() + " argument " + Twine(i)).str());
    op->getAttrDictionary().walk([&](DenseResourceElementsAttr attribute) {
      resources[attribute].add(op->getName().getStringRef());
    });
  }

  Row describe(WeightOp weight) {
    DynTensorType type = weight.getTensorType();
    ElementType elementType = getElementType(type.getElementType());
    std::vector<int64_t> shape = getStaticShape(type);
    return {weight.getSymName().str(), formatTensorType(elementType, shape),
            computeNumBytes(elementType, shape), describePlace(weight),
            weightUsers[weight.getSymNameAttr()].str()};
  }

  std::string describePlace(WeightOp weight) {
    const WeightSource &source = weight.getProperties().source;
    if (source.isAbsent())
      return "absent";
    if (source.isResource()) {
      const Blob *blob = source.getBlob();
      return blob ? describeInside(blob->bytes()) : "missing";
    }
    WeightLocation location = getLocation(source.getReference());
    std::string place = location.file;
    if (!location.key)
      return place + ", byte " + std::to_string(location.offset);
    if (*location.key != weight.getSymName())
      place += " '" + *location.key + "'";
    Result<Safetensors> file = files.openSafetensors(location.file, folders);
    if (!file)
      return place + ", cannot be opened";
    const TensorEntry *tensor = file->getIndex()->find(*location.key);
    return place + (tensor ? ", byte " + std::to_string(tensor->offset)
                           : ", not in the file");
  }

  Row describe(DenseResourceElementsAttr attribute, const Users &users) {
    DenseResourceElementsHandle handle = attribute.getRawHandle();
    std::string type;
    llvm::raw_string_ostream(type) << attribute.getType();
    AsmResourceBlob *blob = handle.getBlob();
    Row row{handle.getKey().str(), type, std::nullopt, "missing", users.str()};
    if (blob) {
      row.numBytes = blob->getData().size();
      row.place = describeInside(std::as_bytes(
          std::span(blob->getData().data(), blob->getData().size())));
    }
    return row;
  }

  std::string describeInside(std::span<const std::byte> bytes) const {
    const char *data = reinterpret_cast<const char *>(bytes.data());
    if (!std::less<>()(data, contents.begin()) &&
        std::less<>()(data, contents.end()))
      return "inside, byte " + std::to_string(data - contents.begin());
    return "inside";
  }

  StringRef contents;
  const WeightFolders &folders;
  FileCache files;
  std::vector<WeightOp> weights;
  llvm::DenseMap<StringAttr, Users> weightUsers;
  llvm::MapVector<DenseResourceElementsAttr, Users> resources;
};
} // namespace

//===----------------------------------------------------------------------===//
// Any file
//===----------------------------------------------------------------------===//

static Result<std::vector<Row>> listResources(const std::string &path,
                                              const std::string &weightsDir,
                                              MLIRContext *context) {
  Result<ModelFile> model = openModel(path);
  if (!model)
    return model.error();
  StringRef contents = model->getContents();
  // No model's format: it begins with a length, which may look like anything.
  if (model->mapped && findSafetensorsIndex(model->mapped->bytes()) != 0) {
    Result<Safetensors> file = Safetensors::open(model->mapped);
    if (!file)
      return file.error();
    return listSafetensors(*file);
  }
  switch (model->format) {
  case ModelFormat::Artifact:
    return Error(path + ": is an artifact or another library, expected MLIR, "
                        "ONNX or safetensors; dyn-run lists what it uses");
  case ModelFormat::ONNX: {
    FailureOr<std::vector<OnnxTensor>> tensors = listOnnxTensors(path, context);
    if (failed(tensors))
      return Error(path + ": is no ONNX model that can be read");
    return listTensors(*tensors);
  }
  case ModelFormat::MLIR:
    break;
  }
  Result<OwningOpRef<ModuleOp>> module = parseModel(*std::move(model), context);
  if (!module)
    return module.error();
  WeightFolders folders{llvm::sys::path::parent_path(path).str(), weightsDir};
  ModuleResources resources(contents, folders);
  resources.collect(**module);
  return resources.getRows();
}

Result<> dyn::dumpResources(const std::string &path,
                            const std::string &weightsDir, MLIRContext *context,
                            raw_ostream &os) {
  Result<std::vector<Row>> rows = listResources(path, weightsDir, context);
  if (!rows)
    return rows.error();
  printTable(*rows, os);
  return {};
}
