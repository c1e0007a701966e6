//===- RandomInputs.cpp - Inputs when any will do -------------------------===//

#include "Dyn/Driver/Session.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"
#include <cstring>
#include <random>

using namespace mlir;
using namespace mlir::dyn;

/// The symbols' values in the model's order.
static Result<std::vector<int64_t>> getSymbolValues(const Session &session,
                                                    const GivenSizes &sizes) {
  std::vector<int64_t> values;
  for (const dyn_symbol_info *symbol : session.getSymbols()) {
    auto it = sizes.find(symbol->name);
    if (it == sizes.end() || it->second.size() != 1)
      return Error("no size is given for '" + std::string(symbol->name) +
                   "': expects --random " + symbol->name + "=SIZE");
    values.push_back(it->second.front());
  }
  return values;
}

static Result<std::vector<int64_t>>
getShape(const Session &session, size_t input, const GivenSizes &sizes) {
  const dyn_tensor_info &info = *session.getInputs()[input];
  auto given = sizes.find(info.name);
  if (given == sizes.end()) {
    Result<std::vector<int64_t>> symbols = getSymbolValues(session, sizes);
    if (!symbols)
      return symbols.error();
    return session.getInputShape(input, *symbols);
  }
  if (given->second.size() != static_cast<size_t>(info.rank))
    return Error("--random " + std::string(info.name) + ": expects " +
                 std::to_string(info.rank) + " sizes, got " +
                 std::to_string(given->second.size()));
  return given->second;
}

/// Checks that sizes are given for inputs and symbols alone.
static Result<> checkNames(const Session &session, const GivenSizes &sizes) {
  std::vector<std::string> names;
  for (const dyn_tensor_info *info : session.getInputs())
    names.emplace_back(info->name);
  for (const dyn_symbol_info *symbol : session.getSymbols())
    names.emplace_back(symbol->name);
  for (const auto &[name, size] : sizes)
    if (!llvm::is_contained(names, name))
      return Error("--random " + name +
                   ": the model has no such input or symbol, expects one of " +
                   llvm::join(names, ", "));
  return {};
}

static void storeFloat(char *to, float value, DLDataType type) {
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  if (type.bits == 64) {
    double wide = value;
    std::memcpy(to, &wide, 8);
  } else if (type.bits == 32) {
    std::memcpy(to, &value, 4);
  } else if (type.code == kDLBfloat) {
    uint16_t upper = bits >> 16;
    std::memcpy(to, &upper, 2);
  } else {
    auto half = static_cast<_Float16>(value);
    std::memcpy(to, &half, 2);
  }
}

static void fill(Array &array, std::mt19937 &random) {
  DLDataType type = array.getType();
  size_t bytes = type.bits / 8;
  char *data = array.getData();
  for (int64_t i = 0, e = array.getNumElements(); i < e; ++i, data += bytes) {
    uint32_t number = random();
    if (type.code == kDLFloat || type.code == kDLBfloat)
      storeFloat(data, static_cast<float>(number >> 8) * 0x1p-23f - 1.0f, type);
    else
      *data = static_cast<char>(number >> 31);
  }
}

Result<> dyn::addRandomInputs(const Session &session, const GivenSizes &sizes,
                              Inputs &inputs) {
  if (auto checked = checkNames(session, sizes); !checked)
    return checked;
  // The same numbers in every run.
  std::mt19937 random(std::mt19937::default_seed);
  for (auto [i, info] : llvm::enumerate(session.getInputs())) {
    if (inputs.count(info->name))
      continue;
    Result<std::vector<int64_t>> shape = getShape(session, i, sizes);
    if (!shape)
      return shape.error();
    int64_t bytes = info->dtype.bits / 8;
    for (int64_t size : *shape)
      if (llvm::MulOverflow(bytes, size, bytes) || bytes > (int64_t(1) << 40))
        return Error("input '" + std::string(info->name) +
                     "' would have more than a terabyte");
    Array array(info->dtype, *shape);
    fill(array, random);
    inputs.emplace(info->name, std::move(array));
  }
  return {};
}
