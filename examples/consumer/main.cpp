//===- main.cpp - Compile a toyla model once, run it at many sizes --------===//
//
// Parses MODEL.mlir, lowers toyla to linalg, lets Dyn's pipelines do the rest
// in this compiler's own pass manager, and compares what upstream's
// ExecutionEngine runs with plain loops.
//
//===----------------------------------------------------------------------===//

#include "Dyn/InitAll.h"
#include "Dyn/Transforms/Pipelines.h"
#include "Toyla.h"
#include "mlir/ExecutionEngine/CRunnerUtils.h"
#include "mlir/ExecutionEngine/ExecutionEngine.h"
#include "mlir/ExecutionEngine/OptUtils.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Target/LLVMIR/Dialect/All.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/TargetSelect.h"
#include <random>

using namespace mlir;

namespace {

constexpr int64_t kHidden = 24; // as in model.mlir

/// A row-major matrix, or a vector if it has one row.
struct Matrix {
  Matrix(int64_t rows, int64_t columns)
      : rows(rows), columns(columns), data(rows * columns) {}

  void fill(std::mt19937 &random) {
    std::normal_distribution<float> normal;
    for (float &element : data)
      element = normal(random);
  }
  float operator()(int64_t row, int64_t column) const {
    return data[row * columns + column];
  }
  float &operator()(int64_t row, int64_t column) {
    return data[row * columns + column];
  }
  StridedMemRefType<float, 2> descriptor() {
    return {data.data(), data.data(), 0, {rows, columns}, {columns, 1}};
  }
  StridedMemRefType<float, 1> rowDescriptor() {
    return {data.data(), data.data(), 0, {columns}, {1}};
  }

  int64_t rows, columns;
  std::vector<float> data;
};

Matrix affine(const Matrix &input, const Matrix &weight, const Matrix &bias) {
  Matrix result(input.rows, weight.columns);
  for (int64_t m = 0; m < result.rows; ++m)
    for (int64_t n = 0; n < result.columns; ++n) {
      double sum = bias(0, n);
      for (int64_t k = 0; k < input.columns; ++k)
        sum += double(input(m, k)) * weight(k, n);
      result(m, n) = static_cast<float>(sum);
    }
  return result;
}

/// What model.mlir says, in plain loops.
Matrix reference(const Matrix &x, const Matrix &w0, const Matrix &b0,
                 const Matrix &w1, const Matrix &b1) {
  Matrix hidden = affine(x, w0, b0);
  for (float &element : hidden.data)
    element = std::max(element, 0.0f);
  Matrix result = affine(hidden, w1, b1);
  for (int64_t m = 0; m < result.rows; ++m) {
    double sum = 0;
    for (int64_t n = 0; n < result.columns; ++n)
      sum += result(m, n);
    for (int64_t n = 0; n < result.columns; ++n)
      result(m, n) -= static_cast<float>(sum / result.columns);
  }
  return result;
}

OwningOpRef<ModuleOp> compile(MLIRContext &context, StringRef file) {
  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(file, &context);
  if (!module)
    return nullptr;
  PassManager manager(&context);
  dyn::PipelineOptions options;
  options.target = "znver2";
  // No artifact and none of its runtime library: memory comes from malloc.
  options.runtime = false;
  manager.addPass(toyla::createToylaToLinalgPass());
  dyn::buildCodegenPipeline(manager, options);
  dyn::buildToLLVMPipeline(manager, options);
  if (failed(manager.run(*module)))
    return nullptr;
  return module;
}

/// The largest difference from plain loops; negative if the call failed.
float largestDifference(ExecutionEngine &engine, int64_t rows, int64_t inputs,
                        int64_t outputs) {
  std::mt19937 random(rows * 1000 + inputs);
  Matrix x(rows, inputs), w0(inputs, kHidden), b0(1, kHidden),
      w1(kHidden, outputs), b1(1, outputs), got(rows, outputs);
  for (Matrix *matrix : {&x, &w0, &b0, &w1, &b1})
    matrix->fill(random);
  auto dx = x.descriptor(), dw0 = w0.descriptor(), dw1 = w1.descriptor(),
       dgot = got.descriptor();
  auto db0 = b0.rowDescriptor(), db1 = b1.rowDescriptor();
  if (llvm::Error error =
          engine.invoke("model", &dx, &dw0, &db0, &dw1, &db1, &dgot)) {
    llvm::errs() << "toyla: " << toString(std::move(error)) << "\n";
    return -1;
  }
  Matrix expected = reference(x, w0, b0, w1, b1);
  float largest = 0;
  for (auto [a, b] : llvm::zip_equal(got.data, expected.data))
    largest = std::max(largest, std::abs(a - b));
  return largest;
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 2) {
    llvm::errs() << "usage: toyla MODEL.mlir\n";
    return 2;
  }
  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmPrinter();
  DialectRegistry registry;
  registerAllDialects(registry);
  registerAllExtensions(registry);
  registerAllToLLVMIRTranslations(registry);
  dyn::registerAllDialects(registry);
  registry.insert<toyla::ToylaDialect>();
  MLIRContext context(registry);

  OwningOpRef<ModuleOp> module = compile(context, argv[1]);
  if (!module)
    return 1;
  ExecutionEngineOptions engineOptions;
  auto optimize = makeOptimizingTransformer(/*optLevel=*/2, /*sizeLevel=*/0,
                                            /*targetMachine=*/nullptr);
  engineOptions.transformer = optimize;
  llvm::Expected<std::unique_ptr<ExecutionEngine>> engine =
      ExecutionEngine::create(*module, engineOptions);
  if (!engine) {
    llvm::errs() << "toyla: " << toString(engine.takeError()) << "\n";
    return 1;
  }

  llvm::outs() << "rows inputs outputs difference\n";
  for (int64_t rows : {0, 1, 2, 7, 16, 61})
    for (int64_t inputs : {0, 1, 13, 64})
      for (int64_t outputs : {1, 5, 32, 37}) {
        float difference = largestDifference(**engine, rows, inputs, outputs);
        llvm::outs() << llvm::format("%4lld %6lld %7lld %10.1e\n",
                                     (long long)rows, (long long)inputs,
                                     (long long)outputs, difference);
        // f32 sums of at most 64 and 24 terms of the order of 10 and 100.
        if (!(difference >= 0 && difference < 1e-4f))
          return 1;
      }
  return 0;
}
