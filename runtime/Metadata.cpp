//===- Metadata.cpp - What an artifact says of itself ---------------------===//

#include "Metadata.h"

#include "Failure.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

namespace mlir::dyn::runtime {

using Json = nlohmann::json;

bool TensorInfo::hasUnknownSize() const {
  return std::ranges::any_of(shape, &SizeExpr::isUnknown);
}

namespace {

/// What is wrong with the metadata; the artifact's name is added on the way.
struct Malformed {
  std::string reason;
};

/// Turns JSON into Metadata. Missing fields and wrong types surface as
/// nlohmann's exceptions, broken rules as `Malformed`.
class Parser {
public:
  Metadata parse(const Json &json);

private:
  SizeExpr parseSize(const Json &json);
  const Element *parseElement(const Json &json);
  TensorInfo parseTensor(const Json &json, const char *kind);
  Symbol parseSymbol(const Json &json);
  Weight parseWeight(const Json &json);
  std::optional<size_t> parseAlias(const Json &json);

  Metadata metadata;
};

} // namespace

static size_t findByName(const auto &list, const std::string &name) {
  return std::ranges::find_if(
             list, [&](const auto &item) { return item.name == name; }) -
         list.begin();
}

SizeExpr Parser::parseSize(const Json &json) {
  if (json.is_number_integer())
    return SizeExpr::getConstant(json.get<int64_t>());
  if (json.is_string()) {
    std::string name = json.get<std::string>();
    if (name == "?")
      return SizeExpr::getUnknown();
    size_t index = findByName(metadata.symbols, name);
    if (index == metadata.symbols.size())
      throw Malformed{"size '" + name + "' is no symbol"};
    return SizeExpr::getSymbol(index, std::move(name));
  }

  struct Operation {
    std::string_view name;
    SizeExpr::Kind kind;
    bool isVariadic;
  };
  static constexpr std::array<Operation, 8> kOperations = {{
      {"+", SizeExpr::Kind::Add, true},
      {"*", SizeExpr::Kind::Mul, true},
      {"min", SizeExpr::Kind::Min, true},
      {"max", SizeExpr::Kind::Max, true},
      {"floordiv", SizeExpr::Kind::FloorDiv, false},
      {"mod", SizeExpr::Kind::Mod, false},
      {"broadcast", SizeExpr::Kind::Broadcast, false},
      {"align", SizeExpr::Kind::Align, false},
  }};
  std::string name = json.at(0).get<std::string>();
  const auto *operation =
      std::ranges::find_if(kOperations, [&](const Operation &candidate) {
        return candidate.name == name;
      });
  if (operation == kOperations.end())
    throw Malformed{"there is no operator '" + name + "' of sizes"};
  size_t count = json.size() - 1;
  if (operation->isVariadic ? count == 0 : count != 2)
    throw Malformed{"operator '" + name + "' has " + std::to_string(count) +
                    " operands"};
  std::vector<SizeExpr> operands;
  for (size_t i = 1; i <= count; ++i)
    operands.push_back(parseSize(json.at(i)));
  return SizeExpr::getOperation(operation->kind, std::move(operands));
}

const Element *Parser::parseElement(const Json &json) {
  std::string name = json.at("type").get<std::string>();
  const Element *element = Element::find(name);
  if (!element)
    throw Malformed{"there is no element type '" + name + "'"};
  return element;
}

Symbol Parser::parseSymbol(const Json &json) {
  Symbol symbol;
  symbol.name = json.at("name").get<std::string>();
  symbol.min = json.at("min").get<int64_t>();
  symbol.max = json.value("max", symbol.max);
  symbol.multiple = json.value("multiple", symbol.multiple);
  if (symbol.multiple < 1)
    throw Malformed{"symbol '" + symbol.name + "' is a multiple of " +
                    std::to_string(symbol.multiple)};
  return symbol;
}

TensorInfo Parser::parseTensor(const Json &json, const char *kind) {
  TensorInfo tensor;
  tensor.name = json.at("name").get<std::string>();
  tensor.title = std::string(kind) + " '" + tensor.name + "'";
  tensor.element = parseElement(json);
  for (const Json &size : json.at("shape"))
    tensor.shape.push_back(parseSize(size));
  tensor.strided = json.value("strided", false);
  return tensor;
}

std::optional<size_t> Parser::parseAlias(const Json &json) {
  if (!json.contains("alias"))
    return std::nullopt;
  std::string name = json.at("alias").get<std::string>();
  const TensorInfo &output = metadata.outputs.back();
  size_t index = findByName(metadata.inputs, name);
  if (index == metadata.inputs.size())
    throw Malformed{"output '" + output.name + "' aliases '" + name +
                    "', which is no input"};
  const TensorInfo &input = metadata.inputs[index];
  if (input.element != output.element ||
      input.shape.size() != output.shape.size() || !input.strided ||
      !output.strided || output.hasUnknownSize())
    throw Malformed{"output '" + output.name + "' cannot alias input '" + name +
                    "'"};
  return index;
}

Weight Parser::parseWeight(const Json &json) {
  Weight weight;
  weight.name = json.at("name").get<std::string>();
  weight.element = parseElement(json);
  weight.shape = json.at("shape").get<std::vector<int64_t>>();
  weight.file = json.at("file").get<size_t>();
  weight.offset = json.at("offset").get<uint64_t>();
  weight.bytes = json.at("bytes").get<uint64_t>();
  uint64_t bytes = weight.element->size();
  bool fits = true;
  for (int64_t size : weight.shape)
    fits &= size >= 0 && !__builtin_mul_overflow(bytes, size, &bytes);
  if (!fits || bytes != weight.bytes)
    throw Malformed{"weight '" + weight.name + "' of type " +
                    weight.element->name + " " + formatShape(weight.shape) +
                    " has " + std::to_string(weight.bytes) + " bytes"};
  if (weight.file >= metadata.files.size())
    throw Malformed{"weight '" + weight.name + "' has no file"};
  return weight;
}

Metadata Parser::parse(const Json &json) {
  metadata.name = json.at("name").get<std::string>();
  for (const Json &target : json.at("targets"))
    metadata.targets.push_back(
        {target.at("cpu").get<std::string>(),
         target.at("triple").get<std::string>(),
         target.at("features").get<std::vector<std::string>>()});
  for (const Json &symbol : json.at("symbols"))
    metadata.symbols.push_back(parseSymbol(symbol));
  for (const Json &input : json.at("inputs")) {
    metadata.inputs.push_back(parseTensor(input, "input"));
    if (metadata.inputs.back().hasUnknownSize())
      throw Malformed{"input '" + metadata.inputs.back().name +
                      "' has a size '?'"};
  }
  for (const Json &output : json.at("outputs")) {
    metadata.outputs.push_back(parseTensor(output, "output"));
    metadata.outputs.back().alias = parseAlias(output);
  }
  for (const Json &file : json.at("files"))
    metadata.files.push_back({file.at("path").get<std::string>(),
                              file.at("size").get<uint64_t>(),
                              file.at("stamp").get<std::string>()});
  for (const Json &weight : json.at("weights"))
    metadata.weights.push_back(parseWeight(weight));
  metadata.arenaBytes = parseSize(json.at("arena").at("bytes"));
  metadata.arenaFormula = json.at("arena").at("text").get<std::string>();
  if (json.contains("messages"))
    metadata.messages = json.at("messages").get<std::vector<std::string>>();
  return std::move(metadata);
}

Metadata parseMetadata(std::string_view json, std::string_view artifact) {
  try {
    return Parser().parse(Json::parse(json));
  } catch (const Json::exception &error) {
    fail(DYN_INVALID_ARTIFACT, artifact,
         " is damaged: its metadata is not as expected (", error.what(), ")");
  } catch (const Malformed &error) {
    fail(DYN_INVALID_ARTIFACT, artifact, " is damaged: ", error.reason);
  }
}

} // namespace mlir::dyn::runtime
