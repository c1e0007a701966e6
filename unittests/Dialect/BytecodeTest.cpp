//===- BytecodeTest.cpp - Versions and damage of dyn's bytecode -----------===//

#include "Dyn/Dialect/Dyn.h"
#include "Dyn/Dialect/Version.h"
#include "mlir/Bytecode/BytecodeReader.h"
#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

#include <fstream>

using namespace mlir;
using namespace mlir::dyn;

namespace {

constexpr StringLiteral kModule = R"mlir(
dyn.weight @w : !dyn.tensor<[8, 4], f32> = #dyn.external<"m.safetensors", "w">
dyn.weight @v : !dyn.tensor<[4], f32> = #dyn.external<"m.bin", 64, 16>
func.func @f(%x: !dyn.tensor<[B, S + 1, 8], f32>, %y: !dyn.tensor<[min(S, 8), S floordiv 2, ?], i64>)
    -> (!dyn.tensor<[B, S + 1, 4], f32>, !dyn.tensor<[2], i64>)
    attributes {dyn.symbols = {B = #dyn.symbol<1>, S = #dyn.symbol<8, 512, multiple 8>}} {
  %w = dyn.get_weight @w : !dyn.tensor<[8, 4], f32>
  %0 = dyn.matmul %x, %w : (!dyn.tensor<[B, S + 1, 8], f32>, !dyn.tensor<[8, 4], f32>) -> !dyn.tensor<[B, S + 1, 4], f32>
  %1 = dyn.constant #dyn.dims<[B, -1]> as !dyn.tensor<[2], i64>
  return %0, %1 : !dyn.tensor<[B, S + 1, 4], f32>, !dyn.tensor<[2], i64>
}
)mlir";

class Bytecode : public ::testing::Test {
protected:
  Bytecode() {
    context.loadDialect<DynDialect, func::FuncDialect>();
    context.getDiagEngine().registerHandler([&](Diagnostic &diagnostic) {
      messages += diagnostic.str() + "\n";
      return success();
    });
  }

  std::string write(std::optional<uint64_t> version = {}) {
    OwningOpRef<ModuleOp> module =
        parseSourceString<ModuleOp>(kModule, &context);
    EXPECT_TRUE(module) << messages;
    BytecodeWriterConfig config;
    if (version)
      config.setDialectVersion<DynDialect>(
          std::make_unique<DynVersion>(*version));
    std::string bytes;
    llvm::raw_string_ostream os(bytes);
    EXPECT_TRUE(succeeded(writeBytecodeToFile(*module, os, config)));
    return bytes;
  }

  OwningOpRef<ModuleOp> read(const std::string &bytes) {
    return parseSourceString<ModuleOp>(bytes, &context);
  }

  MLIRContext context;
  std::string messages;
};

TEST_F(Bytecode, ReadsWhatItWrote) {
  OwningOpRef<ModuleOp> expected =
      parseSourceString<ModuleOp>(kModule, &context);
  OwningOpRef<ModuleOp> actual = read(write());
  ASSERT_TRUE(actual) << messages;
  EXPECT_TRUE(OperationEquivalence::isEquivalentTo(
      *expected, *actual, OperationEquivalence::IgnoreLocations));
}

TEST_F(Bytecode, RefusesANewerVersion) {
  EXPECT_FALSE(read(write(DynVersion::kCurrent + 7)));
  EXPECT_NE(messages.find("this file is of version 9 of the dyn dialect, this "
                          "Dyn reads versions up to 2: read it with the Dyn "
                          "that wrote it"),
            std::string::npos)
      << messages;
}

TEST_F(Bytecode, RefusesTheUnstableVersion) {
  EXPECT_FALSE(read(write(0)));
  EXPECT_NE(messages.find("this file is of version 0 of the dyn dialect, this "
                          "Dyn reads versions from 1 on"),
            std::string::npos)
      << messages;
}

TEST_F(Bytecode, ReadsAndWritesEachVersionAsItWas) {
  for (uint64_t version = DynVersion::kOldest; version <= DynVersion::kCurrent;
       ++version) {
    SCOPED_TRACE(version);
    std::ifstream file(std::string(DYN_BYTECODE_FIXTURES) + "/v" +
                           std::to_string(version) + ".mlirbc",
                       std::ios::binary);
    std::string fixture(std::istreambuf_iterator<char>(file), {});
    ASSERT_FALSE(fixture.empty()) << "each version has a fixture";
    // After the magic number and MLIR's version comes who wrote it.
    StringRef producer(fixture.c_str() + 5);
    // A context of its own, so that resources keep their names.
    MLIRContext fresh;
    fresh.loadDialect<DynDialect, func::FuncDialect>();
    OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(fixture, &fresh);
    ASSERT_TRUE(module);
    BytecodeWriterConfig config(producer);
    config.setDialectVersion<DynDialect>(std::make_unique<DynVersion>(version));
    std::string written;
    llvm::raw_string_ostream os(written);
    ASSERT_TRUE(succeeded(writeBytecodeToFile(*module, os, config)));
    EXPECT_TRUE(written == fixture);
  }
}

TEST_F(Bytecode, ShortFormsOfSizesAreShorter) {
  EXPECT_LT(write(2).size(), write(1).size());
}

TEST_F(Bytecode, UsesNoTextForTypesAndAttributes) {
  std::string bytes = write();
  EXPECT_EQ(bytes.find("floordiv"), std::string::npos);
  EXPECT_EQ(bytes.find("dyn.dims"), std::string::npos);
  EXPECT_EQ(bytes.find("tensor<"), std::string::npos);
  EXPECT_EQ(bytes.find("multiple"), std::string::npos);
}

// Damage at random is not tried: a cycle of upstream's own attributes sends
// upstream's reader of MLIR 22 round for ever.
TEST_F(Bytecode, RefusesATruncatedFile) {
  std::string bytes = write();
  for (size_t length = 4; length < bytes.size(); length += 3)
    EXPECT_FALSE(read(bytes.substr(0, length))) << length;
}

} // namespace
