//===- Artifact.cpp - What an artifact says of its model ------------------===//

#include "Dyn/Codegen/Artifact.h"
#include "Dyn/Codegen/Object.h"
#include "Dyn/Dialect/WeightData.h"
#include "Dyn/Transforms/EntryAttributes.h"
#include "dyn/artifact.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/DerivedTypes.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"

using namespace mlir;
using namespace mlir::dyn;

//===----------------------------------------------------------------------===//
// From the function
//===----------------------------------------------------------------------===//

static std::string formatType(Type type) {
  std::string text;
  llvm::raw_string_ostream(text) << type;
  return text;
}

namespace {
/// Collects a model's weights and their files.
class WeightTable {
public:
  WeightTable(ArtifactDescription &description) : description(description) {}

  Result<> add(WeightOp weight) {
    Result<Blob> blob = readWeight(weight);
    if (!blob)
      return blob.error();
    if (!blob->getFile())
      return Error("weight '" + weight.getSymName().str() +
                   "': its data are in no file that could be mapped to run: "
                   "write the model as bytecode and compile that");
    uint64_t offset = blob->getNumBytes() ? blob->getFileOffset() : 0;
    description.weights.push_back(
        {weight.getSymName().str(), weight.getTensorType(),
         addFile(blob->getFile()), offset, blob->getNumBytes()});
    return {};
  }

  /// A weight of which the argument, of type `panels`, holds the element
  /// `place` tells.
  Result<> addPacked(WeightOp weight, ShapedType panels, AffineMap place) {
    Result<Blob> blob = readWeight(weight);
    if (!blob)
      return blob.error();
    std::string stem = weight.getSymName().str() + ".panels", name = stem;
    // Both layouts of one weight may be in use.
    for (unsigned i = 1; isTaken(name); ++i)
      name = stem + "." + std::to_string(i);
    MLIRContext *context = weight.getContext();
    SmallVector<DimAttr> sizes;
    for (int64_t size : panels.getShape())
      sizes.push_back(DimAttr::get(context, size));
    uint64_t numBytes =
        panels.getNumElements() * panels.getElementTypeBitWidth() / 8;
    description.weights.push_back(
        {name, DynTensorType::get(sizes, panels.getElementType()), 0, 0,
         numBytes});
    description.packed.push_back(
        {name, std::move(*blob), panels.getShape().vec(), place});
    return {};
  }

private:
  bool isTaken(StringRef name) const {
    return llvm::any_of(description.weights, [&](const PlacedWeight &weight) {
      return weight.name == name;
    });
  }

  unsigned addFile(const std::shared_ptr<const MappedFile> &file) {
    auto [it, inserted] =
        indices.try_emplace(file->getAbsolutePath(), indices.size());
    if (inserted) {
      description.files.push_back(
          {file->getAbsolutePath(), computeStamp(*file)});
      // The stamp and what the weights say hold for one version of the file.
      kept.push_back(file);
    }
    return it->second;
  }

  ArtifactDescription &description;
  llvm::StringMap<unsigned> indices;
  std::vector<std::shared_ptr<const MappedFile>> kept;
};
} // namespace

static Result<TensorSignature> getSignature(DictionaryAttr attributes,
                                            StringRef what, unsigned number) {
  auto type = attributes ? attributes.getAs<TypeAttr>(kTypeAttr) : TypeAttr();
  auto tensor =
      type ? dyn_cast<DynTensorType>(type.getValue()) : DynTensorType();
  if (!tensor)
    return Error((what + " " + Twine(number) + " has no '" + kTypeAttr +
                  "' attribute of a !dyn.tensor type")
                     .str());
  auto name = attributes.getAs<StringAttr>(DynDialect::kNameAttr);
  return TensorSignature{name ? name.str() : (what + Twine(number)).str(),
                         tensor};
}

/// Results by their number, be they arguments or results of the function now.
static Result<std::vector<TensorSignature>> getOutputs(func::FuncOp model) {
  std::vector<std::pair<int64_t, DictionaryAttr>> numbered;
  auto collect = [&](DictionaryAttr attributes) {
    if (!attributes)
      return;
    if (auto number = attributes.getAs<IntegerAttr>(kResultAttr))
      numbered.emplace_back(number.getInt(), attributes);
  };
  for (unsigned i = 0; i < model.getNumArguments(); ++i)
    collect(model.getArgAttrDict(i));
  for (unsigned i = 0; i < model.getNumResults(); ++i)
    collect(model.getResultAttrDict(i));
  llvm::sort(numbered, llvm::less_first());
  std::vector<TensorSignature> outputs;
  for (auto [number, attributes] : numbered) {
    Result<TensorSignature> output = getSignature(attributes, "output", number);
    if (!output)
      return output.error();
    outputs.push_back(*output);
  }
  return outputs;
}

Result<ArtifactDescription> dyn::describeArtifact(func::FuncOp model) {
  ArtifactDescription description;
  auto module = model->getParentOfType<ModuleOp>();
  description.name = model.getSymName().str();
  description.symbols =
      model->getAttrOfType<DictionaryAttr>(DynDialect::kSymbolsAttr);
  description.arenaBytes = DimAttr::get(model.getContext(), 0);
  WeightTable weights(description);
  for (unsigned i = 0; i < model.getNumArguments(); ++i) {
    if (auto bytes = model.getArgAttrOfType<DimAttr>(i, kArenaAttr)) {
      description.arenaBytes = bytes;
      continue;
    }
    if (model.getArgAttr(i, kResultAttr))
      continue;
    if (auto symbol =
            model.getArgAttrOfType<FlatSymbolRefAttr>(i, kWeightAttr)) {
      auto weight = module.lookupSymbol<WeightOp>(symbol.getValue());
      if (!weight)
        return Error("argument " + std::to_string(i) + " of '" +
                     description.name + "' is weight '" +
                     symbol.getValue().str() + "', which the module has not");
      auto packed = model.getArgAttrOfType<AffineMapAttr>(i, kPackedAttr);
      auto added =
          packed ? weights.addPacked(
                       weight, cast<ShapedType>(model.getArgument(i).getType()),
                       packed.getValue())
                 : weights.add(weight);
      if (!added)
        return added.error();
      continue;
    }
    Result<TensorSignature> input =
        getSignature(model.getArgAttrDict(i), "input", i);
    if (!input)
      return input.error();
    description.inputs.push_back(*input);
  }
  Result<std::vector<TensorSignature>> outputs = getOutputs(model);
  if (!outputs)
    return outputs.error();
  description.outputs = *outputs;
  if (auto messages = module->getAttrOfType<ArrayAttr>(kMessagesAttr))
    for (StringAttr message : messages.getAsRange<StringAttr>())
      description.messages.push_back(message.str());
  return description;
}

Result<> dyn::placePacked(ArtifactDescription &description,
                          const std::string &path) {
  if (description.packed.empty())
    return {};
  if (auto written = writePackedWeights(description.packed, path); !written)
    return written;
  Result<Safetensors> file = Safetensors::open(path);
  if (!file)
    return file.error();
  auto number = static_cast<unsigned>(description.files.size());
  description.files.push_back({path, computeStamp(*file->getFile())});
  for (const PackedWeight &packed : description.packed) {
    const TensorEntry *entry = file->getIndex()->find(packed.name);
    for (PlacedWeight &weight : description.weights)
      if (weight.name == packed.name) {
        weight.file = number;
        weight.offset = entry->offset;
      }
  }
  return {};
}

//===----------------------------------------------------------------------===//
// To JSON
//===----------------------------------------------------------------------===//

static llvm::json::Value toJson(DimAttr dim);

static llvm::json::Value toJson(Attribute atom) {
  if (auto name = dyn_cast<StringAttr>(atom))
    return name.str();
  auto fn = cast<DimFnAttr>(atom);
  return llvm::json::Array{stringifyDimFn(fn.getKind()).str(),
                           toJson(fn.getLhs()), toJson(fn.getRhs())};
}

static llvm::json::Value toJson(DimAttr dim) {
  if (dim.isUnknown())
    return "?";
  if (std::optional<int64_t> constant = dim.getConstant())
    return *constant;
  llvm::json::Array sum{"+"};
  for (auto [monomial, coefficient] :
       llvm::zip(dim.getMonomials(), dim.getCoefficients())) {
    llvm::json::Array product{"*"};
    if (coefficient != 1 || monomial.empty())
      product.push_back(coefficient);
    for (Attribute atom : monomial)
      product.push_back(toJson(atom));
    // An operator of one operand is that operand.
    if (product.size() == 2)
      sum.push_back(std::move(product[1]));
    else
      sum.push_back(std::move(product));
  }
  if (sum.size() == 2)
    return std::move(sum[1]);
  return sum;
}

static llvm::json::Array toJson(ArrayRef<DimAttr> shape) {
  llvm::json::Array sizes;
  for (DimAttr dim : shape)
    sizes.push_back(toJson(dim));
  return sizes;
}

static llvm::json::Object toJson(StringRef name, DynTensorType type) {
  return llvm::json::Object{{"name", name},
                            {"type", formatType(type.getElementType())},
                            {"shape", toJson(type.getShape())}};
}

static llvm::json::Array writeSymbols(const ArtifactDescription &description) {
  llvm::SetVector<StringAttr> names;
  for (const TensorSignature &input : description.inputs)
    for (DimAttr dim : input.type.getShape())
      dim.walkSymbols([&](StringAttr name) { names.insert(name); });
  llvm::json::Array symbols;
  for (StringAttr name : names) {
    auto known = description.symbols
                     ? description.symbols.getAs<SymbolAttr>(name)
                     : SymbolAttr();
    llvm::json::Object symbol{{"name", name.getValue()},
                              {"min", known ? known.getMin() : 0}};
    if (known && known.getMax() != INT64_MAX)
      symbol["max"] = known.getMax();
    if (known && known.getMultiple() != 1)
      symbol["multiple"] = known.getMultiple();
    symbols.push_back(std::move(symbol));
  }
  return symbols;
}

static std::string getPathFrom(StringRef folder, StringRef absolutePath) {
  StringRef rest = absolutePath;
  folder = folder.rtrim('/');
  if (!folder.empty() && rest.consume_front(folder) && rest.consume_front("/"))
    return rest.str();
  return absolutePath.str();
}

std::string dyn::writeMetadata(const ArtifactDescription &description,
                               llvm::StringRef artifactFolder) {
  llvm::json::Array targets, inputs, outputs, weights, files, messages;
  for (const Target *target : description.targets) {
    llvm::json::Array features;
    for (llvm::StringRef feature : target->required)
      features.push_back(feature);
    targets.push_back(llvm::json::Object{{"cpu", target->name},
                                         {"triple", target->triple},
                                         {"features", std::move(features)}});
  }
  for (const TensorSignature &input : description.inputs)
    inputs.push_back(toJson(input.name, input.type));
  for (const TensorSignature &output : description.outputs)
    outputs.push_back(toJson(output.name, output.type));
  for (const PlacedWeight &weight : description.weights) {
    llvm::json::Object object = toJson(weight.name, weight.type);
    object["file"] = weight.file;
    object["offset"] = weight.offset;
    object["bytes"] = weight.numBytes;
    weights.push_back(std::move(object));
  }
  for (const WeightFile &file : description.files)
    files.push_back(llvm::json::Object{
        {"path", getPathFrom(artifactFolder, file.absolutePath)},
        {"size", file.stamp.size},
        {"stamp", llvm::formatv("{0:x-16}", file.stamp.digest).str()}});
  for (const std::string &message : description.messages)
    messages.push_back(message);
  llvm::json::Object metadata{
      {"dyn", DYN_VERSION},
      {"name", description.name},
      {"targets", std::move(targets)},
      {"symbols", writeSymbols(description)},
      {"inputs", std::move(inputs)},
      {"outputs", std::move(outputs)},
      {"weights", std::move(weights)},
      {"files", std::move(files)},
      {"arena", llvm::json::Object{{"bytes", toJson(description.arenaBytes)},
                                   {"text", description.arenaBytes.str()}}},
      {"messages", std::move(messages)}};
  return llvm::formatv("{0}", llvm::json::Value(std::move(metadata))).str();
}

//===----------------------------------------------------------------------===//
// To object code
//===----------------------------------------------------------------------===//

Result<llvm::SmallString<0>>
dyn::emitArtifactTable(llvm::StringRef metadata,
                       llvm::ArrayRef<std::string> entries,
                       llvm::TargetMachine &machine) {
  llvm::LLVMContext context;
  llvm::Module module("dyn_artifact", context);
  module.setTargetTriple(machine.getTargetTriple());
  module.setDataLayout(machine.createDataLayout());
  llvm::Type *pointer = llvm::PointerType::getUnqual(context);
  llvm::Type *i32 = llvm::Type::getInt32Ty(context);
  llvm::Type *i64 = llvm::Type::getInt64Ty(context);
  auto addConstant = [&](llvm::Constant *value, llvm::StringRef name) {
    return new llvm::GlobalVariable(
        module, value->getType(),
        /*isConstant=*/true, llvm::GlobalValue::InternalLinkage, value, name);
  };
  llvm::SmallVector<llvm::Constant *> functions;
  for (const std::string &entry : entries) {
    auto *type = llvm::FunctionType::get(i32, {pointer}, /*isVarArg=*/false);
    auto *function = llvm::Function::Create(
        type, llvm::GlobalValue::ExternalLinkage, entry, module);
    function->setVisibility(llvm::GlobalValue::HiddenVisibility);
    functions.push_back(function);
  }
  llvm::Constant *text = addConstant(
      llvm::ConstantDataArray::getString(context, metadata, /*AddNull=*/false),
      "metadata");
  llvm::Constant *table = addConstant(
      llvm::ConstantArray::get(llvm::ArrayType::get(pointer, functions.size()),
                               functions),
      "entries");
  // struct dyn_artifact
  llvm::Constant *fields[] = {
      llvm::ConstantInt::get(i32, DYN_ARTIFACT_MAGIC),
      llvm::ConstantInt::get(i32, DYN_ARTIFACT_ABI_VERSION),
      llvm::ConstantInt::get(i64, metadata.size()),
      text,
      llvm::ConstantInt::get(i64, functions.size()),
      table};
  llvm::GlobalVariable *artifact =
      addConstant(llvm::ConstantStruct::getAnon(fields), "dyn_artifact");
  artifact->setLinkage(llvm::GlobalValue::ExternalLinkage);
  return emitCode(module, machine, llvm::CodeGenFileType::ObjectFile);
}
