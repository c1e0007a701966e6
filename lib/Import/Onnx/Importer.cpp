//===- Importer.cpp - From a model's messages to a module -----------------===//

#include "Importer.h"
#include "ErrorPrefix.h"
#include "OperatorTable.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace mlir::dyn;
using namespace mlir::dyn::onnx_import;
using ::onnx::TensorProto;
using ::onnx::ValueInfoProto;

Importer::Importer(const ModelFile &model, const OnnxImportOptions &options,
                   MLIRContext *context)
    : model(model), context(context), builder(context),
      tensors(model, options, context) {}

/// Functions that call functions can expand to any number of nodes; models of
/// hundreds of layers have some ten thousand.
static constexpr size_t kMaxNodes = 1 << 20;

static Location getUnknownLoc(MLIRContext *context) {
  return UnknownLoc::get(context);
}

/// A name for the entry function that needs no quotes.
static std::string getFunctionName(const GraphProto &graph) {
  std::string name;
  for (char c : graph.name())
    name += llvm::isAlnum(c) ? c : '_';
  if (name.empty() || !llvm::isAlpha(name.front()))
    return "main";
  return name;
}

OwningOpRef<ModuleOp> Importer::run() {
  const GraphProto &graph = model.getModel().graph();
  if (failed(functions.add(model.getModel(), context)) ||
      failed(checkOperators(model.getModel(), functions, context)))
    return {};
  module =
      ModuleOp::create(FileLineColLoc::get(context, model.getFileName(), 0, 0));
  builder.setInsertionPointToEnd(module->getBody());
  auto function = func::FuncOp::create(builder, getUnknownLoc(context),
                                       getFunctionName(graph),
                                       FunctionType::get(context, {}, {}));
  symbolNames.insert(function.getSymName());
  Block *body = function.addEntryBlock();

  Scope global;
  global.opsets = getOpsets(model.getModel().opset_import());
  scope = &global;
  llvm::scope_exit leave([&] { scope = nullptr; });
  builder.setInsertionPointToEnd(body);
  if (failed(importInitializers(graph)) ||
      failed(importInputs(graph, function)) ||
      failed(importNodes(graph.node())) ||
      failed(importOutputs(graph, function)))
    return {};
  eraseUnusedOps(*module);
  if (failed(verify(*module)))
    return {};
  return std::move(module);
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

LogicalResult Importer::importInitializers(const GraphProto &graph) {
  if (graph.sparse_initializer_size())
    return emitError(getUnknownLoc(context))
           << "sparse initializer '"
           << graph.sparse_initializer(0).values().name()
           << "' is not supported";
  for (const TensorProto &tensor : graph.initializer())
    if (!scope->initializers.try_emplace(tensor.name(), &tensor).second)
      return emitError(getUnknownLoc(context))
             << "initializer '" << tensor.name() << "' is defined twice";
  return success();
}

bool Importer::isOmitted(StringRef name) const {
  for (const Scope *around = scope; around; around = around->parent)
    if (around->omitted.contains(name))
      return true;
  return false;
}

Value Importer::lookup(StringRef name) {
  for (Scope *around = scope; around; around = around->parent) {
    if (Value value = around->values.lookup(name))
      return value;
    if (const TensorProto *tensor = around->initializers.lookup(name)) {
      Value value =
          getTensor(*tensor, name, NameLoc::get(builder.getStringAttr(name)));
      return value ? around->values[name] = value : value;
    }
  }
  emitError(getUnknownLoc(context)) << "value '" << name << "' is not defined";
  return {};
}

LogicalResult Importer::define(StringRef name, Value value) {
  if (scope->initializers.contains(name) ||
      !scope->values.try_emplace(name, value).second)
    return emitError(getUnknownLoc(context))
           << "value '" << name << "' is defined twice";
  return success();
}

Value Importer::getTensor(const TensorProto &tensor, StringRef name,
                          Location loc) {
  WeightOp &weight = weights[&tensor];
  if (!weight) {
    FailureOr<Tensor> read = tensors.read(tensor);
    if (failed(read))
      return {};
    auto source = dyn_cast<ExternalAttr>(read->value);
    if (!source)
      return ConstantOp::create(builder, loc, read->type, read->value);
    std::string symbol = scope->path + name.str();
    while (!symbolNames.insert(symbol).second)
      symbol += '_';
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPoint(*module->getOps<func::FuncOp>().begin());
    weight = WeightOp::create(builder, loc, symbol, StringAttr(), read->type,
                              source);
  }
  return GetWeightOp::create(builder, loc, weight.getTensorType(),
                             weight.getSymName());
}

//===----------------------------------------------------------------------===//
// Nodes
//===----------------------------------------------------------------------===//

LogicalResult Importer::importNodes(const Nodes &nodes) {
  FailureOr<SmallVector<const NodeProto *>> sorted = sortNodes(nodes, context);
  if (failed(sorted))
    return failure();
  for (const NodeProto *node : *sorted)
    if (failed(importNode(*node)))
      return failure();
  return success();
}

FailureOr<Attributes> Importer::resolveAttributes(const NodeProto &proto) {
  Attributes attributes;
  for (const ::onnx::AttributeProto &attribute : proto.attribute()) {
    const ::onnx::AttributeProto *value = &attribute;
    if (!attribute.ref_attr_name().empty()) {
      if (!scope->callAttributes)
        return emitError(getUnknownLoc(context))
               << "attribute '" << attribute.name()
               << "' refers to an attribute '" << attribute.ref_attr_name()
               << "' outside of a function";
      value = scope->callAttributes->lookup(attribute.ref_attr_name());
      // The call leaves it out, so it is left out here.
      if (!value)
        continue;
    }
    if (!attributes.try_emplace(attribute.name(), value).second)
      return emitError(getUnknownLoc(context))
             << "attribute '" << attribute.name() << "' is there twice";
  }
  return attributes;
}

LogicalResult Importer::importNode(const NodeProto &proto) {
  if (++numNodes > kMaxNodes)
    return emitError(getUnknownLoc(context))
           << "the graph has more than " << kMaxNodes
           << " nodes when its functions are expanded";
  std::string domain = normalizeDomain(proto.domain()).str();
  auto opset = scope->opsets.find(domain);
  int64_t version = opset == scope->opsets.end() ? 0 : opset->second;
  const FunctionProto *function = functions.find(proto);
  StringRef name = proto.name();
  if (name.empty() && proto.output_size() > 0)
    name = proto.output(0);
  std::string path = scope->path + name.str();

  SmallVector<Value> outputs;
  Attributes attributes;
  SmallVector<Value> inputs;
  {
    std::string where =
        "node " + describeNode(proto) +
        (scope->path.empty() ? "" : " in '" + scope->path + "'");
    ErrorPrefix prefix(
        context,
        where + " (" + proto.op_type() + (domain.empty() ? "" : ", " + domain) +
            (function ? "" : ", opset " + std::to_string(version)) + "): ");
    FailureOr<Attributes> resolved = resolveAttributes(proto);
    if (failed(resolved))
      return failure();
    attributes = std::move(*resolved);
    for (const std::string &input : proto.input()) {
      bool omitted = input.empty() || isOmitted(input);
      inputs.push_back(omitted ? Value() : lookup(input));
      if (!omitted && !inputs.back())
        return failure();
    }
    if (function && llvm::is_contained(calls, function))
      return emitError(getUnknownLoc(context))
             << "calls itself, which functions must not";
    if (!function &&
        failed(importOperator(proto, NameLoc::get(builder.getStringAttr(path)),
                              version, inputs, attributes, outputs)))
      return failure();
  }
  if (function && failed(callFunction(*function, name, inputs,
                                      std::move(attributes), outputs)))
    return failure();
  for (auto [index, output] : llvm::enumerate(proto.output()))
    if (!output.empty() && index < outputs.size() && outputs[index] &&
        failed(define(output, outputs[index])))
      return failure();
  return success();
}

LogicalResult Importer::importOperator(const NodeProto &proto, Location loc,
                                       int64_t opset, SmallVector<Value> inputs,
                                       Attributes attributes,
                                       SmallVector<Value> &outputs) {
  const OperatorEntry *entry = OperatorTable::get().find(
      normalizeDomain(proto.domain()), proto.op_type(), opset);
  assert(entry && "operators are checked before nodes are imported");
  const Signature &signature = entry->signature;
  while (!inputs.empty() && !inputs.back())
    inputs.pop_back();
  if (inputs.size() < signature.inputs.min ||
      inputs.size() > signature.inputs.max) {
    InFlightDiagnostic diagnostic = emitError(loc)
                                    << "expects " << signature.inputs.min;
    if (signature.inputs.max == kVariadic)
      diagnostic << " inputs or more";
    else if (signature.inputs.max != signature.inputs.min)
      diagnostic << " to " << signature.inputs.max << " inputs";
    else
      diagnostic << (signature.inputs.min == 1 ? " input" : " inputs");
    return diagnostic << ", got " << inputs.size();
  }
  size_t numRequired =
      signature.inputs.max == kVariadic ? inputs.size() : signature.inputs.min;
  for (size_t index = 0; index < numRequired; ++index)
    if (!inputs[index])
      return emitError(loc)
             << "expects input " << index << ", which is left out";
  if (static_cast<size_t>(proto.output_size()) > signature.maxOutputs)
    return emitError(loc) << "expects at most " << signature.maxOutputs
                          << " outputs, got " << proto.output_size();

  Node node(*this, proto, opset, loc, std::move(inputs), std::move(attributes));
  entry->import(node);
  if (node.hasFailed())
    return failure();
  for (size_t index = 0; index < node.getNumOutputs(); ++index)
    if (node.hasOutput(index) && !node.getOutputs()[index])
      return emitError(loc)
             << "output '" << proto.output(static_cast<int>(index))
             << "' is not supported";
  llvm::append_range(outputs, node.getOutputs());
  return success();
}

//===----------------------------------------------------------------------===//
// Functions and graphs inside the graph
//===----------------------------------------------------------------------===//

/// Adds the defaults of a function's attributes (field 11, younger than the
/// schema that Dyn is built with). `defaults` keeps the messages.
static LogicalResult addDefaultAttributes(
    const FunctionProto &function, Attributes &attributes,
    std::vector<std::unique_ptr<::onnx::AttributeProto>> &defaults) {
  StringRef unknown(function.unknown_fields());
  bool parsed = true;
  llvm::cantFail(visitFields(unknown, unknown, [&](const WireField &field) {
    if (field.number != 11 || field.type != WireType::Bytes)
      return llvm::Error::success();
    auto attribute = std::make_unique<::onnx::AttributeProto>();
    parsed &= attribute->ParseFromArray(field.bytes.data(),
                                        static_cast<int>(field.bytes.size()));
    attributes.try_emplace(attribute->name(), attribute.get());
    defaults.push_back(std::move(attribute));
    return llvm::Error::success();
  }));
  return success(parsed);
}

LogicalResult Importer::callFunction(const FunctionProto &function,
                                     StringRef name, ArrayRef<Value> inputs,
                                     Attributes attributes,
                                     SmallVector<Value> &outputs) {
  if (failed(addDefaultAttributes(function, attributes, defaultAttributes)))
    return emitError(getUnknownLoc(context))
           << "function '" << function.name()
           << "' has a broken default attribute";
  Scope inner;
  inner.opsets = getOpsets(function.opset_import());
  inner.opsets.insert(scope->opsets.begin(), scope->opsets.end());
  inner.path = scope->path + name.str() + "/";
  inner.callAttributes = &attributes;
  if (inputs.size() > static_cast<size_t>(function.input_size()))
    return emitError(getUnknownLoc(context))
           << "function '" << function.name() << "' expects at most "
           << function.input_size() << " inputs, got " << inputs.size();
  for (auto [index, input] : llvm::enumerate(function.input())) {
    if (index < inputs.size() && inputs[index])
      inner.values[input] = inputs[index];
    else
      inner.omitted.insert(input);
  }

  Scope *outer = std::exchange(scope, &inner);
  calls.push_back(&function);
  llvm::scope_exit restore([&] {
    scope = outer;
    calls.pop_back();
  });
  if (failed(importNodes(function.node())))
    return failure();
  for (const std::string &output : function.output()) {
    ErrorPrefix prefix(context, "function '" + function.name() + "': ");
    outputs.push_back(lookup(output));
    if (!outputs.back())
      return failure();
  }
  return success();
}

FailureOr<SmallVector<Value>> Importer::inlineGraph(const GraphProto &graph) {
  Scope inner;
  inner.parent = scope;
  inner.opsets = scope->opsets;
  inner.path = scope->path;
  inner.callAttributes = scope->callAttributes;
  Scope *outer = std::exchange(scope, &inner);
  llvm::scope_exit restore([&] { scope = outer; });
  if (failed(importInitializers(graph)) || failed(importNodes(graph.node())))
    return failure();
  SmallVector<Value> results;
  for (const ValueInfoProto &output : graph.output()) {
    results.push_back(lookup(output.name()));
    if (!results.back())
      return failure();
  }
  return results;
}

//===----------------------------------------------------------------------===//
// Entry
//===----------------------------------------------------------------------===//

/// What is left of folded shape arithmetic, and weights that nothing uses.
void Importer::eraseUnusedOps(ModuleOp module) {
  IRRewriter rewriter(context);
  (void)runRegionDCE(rewriter, module->getRegions());
  llvm::DenseSet<StringAttr> used;
  module.walk(
      [&](GetWeightOp op) { used.insert(op.getWeightAttr().getAttr()); });
  for (WeightOp weight : llvm::make_early_inc_range(module.getOps<WeightOp>()))
    if (!used.contains(weight.getSymNameAttr()))
      weight.erase();
}

OwningOpRef<ModuleOp> dyn::importOnnx(StringRef path,
                                      const OnnxImportOptions &options,
                                      MLIRContext *context) {
  context->loadDialect<DynDialect, func::FuncDialect>();
  FailureOr<std::unique_ptr<ModelFile>> model = ModelFile::open(path, context);
  if (failed(model))
    return {};
  ErrorPrefix prefix(context, path.str() + ": ");
  OwningOpRef<ModuleOp> module = Importer(**model, options, context).run();
  return prefix.hasErrors() ? OwningOpRef<ModuleOp>() : std::move(module);
}
