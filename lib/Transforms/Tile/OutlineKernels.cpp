//===- OutlineKernels.cpp - Equal kernels become one function -------------===//

#include "Dyn/Transforms/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/OperationSupport.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Transforms/RegionUtils.h"

namespace mlir::dyn {
#define GEN_PASS_DEF_DYNOUTLINEKERNELSPASS
#include "Dyn/Transforms/Passes.h.inc"
} // namespace mlir::dyn

using namespace mlir;

/// The outermost parallel loops of `function` that are kernels: they compute on
/// buffers and hand nothing back.
static SmallVector<scf::ForallOp> findKernels(func::FuncOp function) {
  SmallVector<scf::ForallOp> loops;
  function.walk<WalkOrder::PreOrder>([&](scf::ForallOp loop) {
    bool computes = loop->walk([](linalg::LinalgOp op) {
                          return op.hasPureBufferSemantics()
                                     ? WalkResult::interrupt()
                                     : WalkResult::advance();
                        })
                        .wasInterrupted();
    if (loop->getNumResults() == 0 && computes)
      loops.push_back(loop);
    return WalkResult::skip();
  });
  return loops;
}

/// What `loop` uses from outside, in the order of first use, which is the same
/// for equal kernels. Constants are cloned into the loop instead.
static SmallVector<Value> captureInputs(scf::ForallOp loop, Block *entry) {
  auto builder = OpBuilder::atBlockBegin(entry);
  llvm::SetVector<Value> captured;
  DenseMap<Value, Value> constants;
  loop->walk<WalkOrder::PreOrder>([&](Operation *op) {
    for (OpOperand &operand : op->getOpOperands()) {
      Value value = operand.get();
      if (loop->isAncestor(value.getParentRegion()->getParentOp()))
        continue;
      if (!matchPattern(value, m_Constant())) {
        captured.insert(value);
        continue;
      }
      Value &copy = constants[value];
      if (!copy)
        copy = builder.clone(*value.getDefiningOp())->getResult(0);
      operand.set(copy);
    }
  });
  return captured.takeVector();
}

/// Moves `loop` into a private function of its own and calls that.
static func::FuncOp outline(scf::ForallOp loop, SymbolTable &symbols) {
  OpBuilder builder(loop);
  Location loc = loop.getLoc();
  auto kernel =
      func::FuncOp::create(loc, "kernel", builder.getFunctionType({}, {}));
  kernel.setPrivate();
  Block *entry = kernel.addEntryBlock();
  SmallVector<Value> inputs = captureInputs(loop, entry);
  kernel.setType(builder.getFunctionType(ValueRange(inputs).getTypes(), {}));
  symbols.insert(kernel);
  func::CallOp::create(builder, loc, kernel, inputs);
  loop->moveBefore(entry, entry->end());
  for (Value input : inputs)
    replaceAllUsesInRegionWith(input, entry->addArgument(input.getType(), loc),
                               kernel.getBody());
  auto end = OpBuilder::atBlockEnd(entry);
  func::ReturnOp::create(end, loc);
  return kernel;
}

namespace {
struct DynOutlineKernelsPass
    : dyn::impl::DynOutlineKernelsPassBase<DynOutlineKernelsPass> {
  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    DenseMap<FunctionType, SmallVector<func::FuncOp>> kernels;
    for (auto function : llvm::to_vector(getOperation().getOps<func::FuncOp>()))
      for (scf::ForallOp loop : findKernels(function)) {
        func::FuncOp kernel = outline(loop, symbols);
        auto &sameType = kernels[kernel.getFunctionType()];
        auto equal = llvm::find_if(sameType, [&](func::FuncOp other) {
          return OperationEquivalence::isRegionEquivalentTo(
              &kernel.getBody(), &other.getBody(),
              OperationEquivalence::IgnoreLocations);
        });
        ++total;
        if (equal == sameType.end()) {
          sameType.push_back(kernel);
          ++distinct;
          continue;
        }
        (void)SymbolTable::replaceAllSymbolUses(kernel, equal->getNameAttr(),
                                                function);
        symbols.erase(kernel);
      }
  }
};
} // namespace
