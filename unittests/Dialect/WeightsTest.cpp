//===- WeightsTest.cpp - Who owns the data of weights ---------------------===//

#include "../Resources/Testing.h"
#include "Dyn/Dialect/WeightData.h"
#include "Dyn/Resources/Safetensors.h"
#include "mlir/Bytecode/BytecodeReader.h"
#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/SourceMgr.h"

#include <atomic>
#include <thread>

using namespace mlir;
using namespace mlir::dyn;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

/// Weights of this size come and go visibly.
constexpr int64_t kElements = 8 << 20;
constexpr int64_t kKiB = kElements * 4 / 1024;

class Weights : public FolderTest {
protected:
  Weights() {
    context.loadDialect<DynDialect>();
    context.getDiagEngine().registerHandler([&](Diagnostic &diagnostic) {
      messages += diagnostic.str() + "\n";
      return success();
    });
  }

  OwningOpRef<ModuleOp> parse(StringRef text) {
    OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
    EXPECT_TRUE(module) << messages;
    return module;
  }
  /// A module with `@w` of `values` inside.
  OwningOpRef<ModuleOp> make(std::vector<float> values) {
    OwningOpRef<ModuleOp> module =
        parse("dyn.weight @w : !dyn.tensor<[" + std::to_string(values.size()) +
              "], f32> = #dyn.absent");
    setWeight(get(*module), makeBlob(values));
    return module;
  }
  static Blob makeBlob(const std::vector<float> &values) {
    Blob blob = *Blob::allocate(ElementType::F32,
                                {static_cast<int64_t>(values.size())});
    std::memcpy(blob.mutableBytes()->data(), values.data(), values.size() * 4);
    return blob;
  }
  static WeightOp get(ModuleOp module, StringRef name = "w") {
    return module.lookupSymbol<WeightOp>(name);
  }
  static std::vector<float> values(WeightOp weight) {
    Result<Blob> blob = readWeight(weight);
    EXPECT_TRUE(blob) << blob.error().message();
    const auto *begin = reinterpret_cast<const float *>(blob->bytes().data());
    return {begin, begin + blob->getNumBytes() / 4};
  }
  static void set(WeightOp weight, size_t index, float value) {
    Result<std::span<std::byte>> bytes = changeWeight(weight);
    ASSERT_OK(bytes);
    reinterpret_cast<float *>(bytes->data())[index] = value;
  }
  static std::string print(ModuleOp module) {
    std::string text;
    llvm::raw_string_ostream os(text);
    module.print(os);
    return text;
  }
  static std::string toBytecode(ModuleOp module) {
    std::string bytes;
    llvm::raw_string_ostream os(bytes);
    EXPECT_TRUE(succeeded(writeBytecodeToFile(module, os)));
    return bytes;
  }
  OwningOpRef<ModuleOp> parseFile(const std::string &path) {
    auto sources = std::make_shared<llvm::SourceMgr>();
    sources->AddNewSourceBuffer(makeBuffer(&context, *MappedFile::open(path)),
                                llvm::SMLoc());
    OwningOpRef<ModuleOp> module =
        parseSourceFile<ModuleOp>(sources, ParserConfig(&context));
    EXPECT_TRUE(module) << messages;
    return module;
  }
  bool isMapped(const std::string &path) {
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);)
      if (line.ends_with(path))
        return true;
    return false;
  }

  MLIRContext context;
  std::string messages;
};

//===----------------------------------------------------------------------===//
// Ownership
//===----------------------------------------------------------------------===//

TEST_F(Weights, ErasingTheOperationReleasesItsData) {
  OwningOpRef<ModuleOp> module = make(std::vector<float>(kElements, 1));
  int64_t before = readStatus("RssAnon");
  get(*module).erase();
  if (!kSanitized)
    EXPECT_LT(readStatus("RssAnon"), before - kKiB * 9 / 10);
}

TEST_F(Weights, ErasingTheModuleUnmapsItsFile) {
  write("m.mlirbc", toBytecode(*make(std::vector<float>(kElements, 1))));
  OwningOpRef<ModuleOp> module = parseFile(path("m.mlirbc"));
  EXPECT_EQ(values(get(*module))[kElements - 1], 1);
  EXPECT_TRUE(isMapped(path("m.mlirbc")));
  module = {};
  EXPECT_FALSE(isMapped(path("m.mlirbc")));
}

TEST_F(Weights, AbsenceReleasesAsWell) {
  write("m.mlirbc", toBytecode(*make({1, 2})));
  OwningOpRef<ModuleOp> module = parseFile(path("m.mlirbc"));
  get(*module).setSource(WeightSource());
  EXPECT_FALSE(isMapped(path("m.mlirbc")));
}

TEST_F(Weights, TenRoundsLeaveMemoryWhereItWas) {
  write("m.mlirbc", toBytecode(*make(std::vector<float>(kElements, 1))));
  int64_t before = readStatus("RssAnon");
  for (int i = 0; i < 10; ++i) {
    OwningOpRef<ModuleOp> module = parseFile(path("m.mlirbc"));
    set(get(*module), 0, 2);
    EXPECT_EQ(values(get(*module))[0], 2);
  }
  if (!kSanitized)
    EXPECT_LT(readStatus("RssAnon"), before + kKiB / 4);
}

TEST_F(Weights, ClonesShareUntilOneChanges) {
  OwningOpRef<ModuleOp> module = make({1, 2, 3});
  OwningOpRef<ModuleOp> clone = module->clone();
  EXPECT_EQ(readWeight(get(*module))->bytes().data(),
            readWeight(get(*clone))->bytes().data());
  EXPECT_TRUE(OperationEquivalence::isEquivalentTo(
      *module, *clone, OperationEquivalence::IgnoreLocations));
  set(get(*clone), 0, 7);
  EXPECT_THAT(values(get(*module)), ElementsAre(1, 2, 3));
  EXPECT_THAT(values(get(*clone)), ElementsAre(7, 2, 3));
  EXPECT_FALSE(OperationEquivalence::isEquivalentTo(
      *module, *clone, OperationEquivalence::IgnoreLocations));
  // Their names differ as well, so that both can be in one file.
  EXPECT_NE(get(*module).getSource().getName(),
            get(*clone).getSource().getName());
}

TEST_F(Weights, TheSingleOwnerChangesInPlace) {
  OwningOpRef<ModuleOp> module = make({1, 2, 3});
  const std::byte *place = readWeight(get(*module))->bytes().data();
  {
    OwningOpRef<ModuleOp> gone = module->clone();
  }
  set(get(*module), 1, 5);
  EXPECT_THAT(values(get(*module)), ElementsAre(1, 5, 3));
  EXPECT_EQ(readWeight(get(*module))->bytes().data(), place);
  EXPECT_EQ(get(*module).getSource().getName(), "w");
}

TEST_F(Weights, AHeldBlobKeepsWhatItSaw) {
  OwningOpRef<ModuleOp> module = make({1, 2, 3});
  Blob held = *readWeight(get(*module));
  set(get(*module), 1, 5);
  EXPECT_EQ(reinterpret_cast<const float *>(held.bytes().data())[1], 2);
  EXPECT_THAT(values(get(*module)), ElementsAre(1, 5, 3));
}

TEST_F(Weights, OperationsMadeOfPropertiesInAttributesShare) {
  OwningOpRef<ModuleOp> module = make({1, 2, 3});
  WeightOp weight = get(*module);
  OperationState state(weight.getLoc(), WeightOp::getOperationName());
  state.propertiesAttr = weight->getPropertiesAsAttribute();
  OpBuilder builder(weight);
  auto other = cast<WeightOp>(builder.create(state));
  weight.erase();
  EXPECT_THAT(values(other), ElementsAre(1, 2, 3));
}

//===----------------------------------------------------------------------===//
// Passes
//===----------------------------------------------------------------------===//

/// Doubles each weight it runs on.
struct DoublePass : PassWrapper<DoublePass, OperationPass<WeightOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(DoublePass)
  void runOnOperation() override {
    Result<std::span<std::byte>> bytes = changeWeight(getOperation());
    ASSERT_OK(bytes);
    for (size_t i = 0; i + 4 <= bytes->size(); i += 4)
      *reinterpret_cast<float *>(bytes->data() + i) *= 2;
  }
};

TEST_F(Weights, NestedPassesChangeSharedAndSingleWeights) {
  write("w.bin", std::string(1 << 20, '\0'));
  setWeightFolders(&context, {folder.string(), ""});
  std::string text;
  for (int i = 0; i < 64; ++i)
    text += "dyn.weight @w" + std::to_string(i) +
            " : !dyn.tensor<[3], f32> = " +
            (i % 4 == 3 ? "#dyn.external<\"w.bin\", 0, 12>"
                        : "#dyn.resource<r" + std::to_string(i / 2) + ">") +
            "\n";
  text += "{-# dialect_resources: { dyn: {\n";
  for (int i = 0; i < 32; ++i)
    text += std::string(i ? "," : "") + "r" + std::to_string(i) +
            ": \"0x400000000000803F0000004000004040\"\n";
  text += "} } #-}\n";
  OwningOpRef<ModuleOp> module = parse(text);
  OwningOpRef<ModuleOp> clone = module->clone();
  const std::byte *place = readWeight(get(*module, "w2"))->bytes().data();
  { // w2 has its data alone, w0 and w1 share.
    OwningOpRef<ModuleOp> gone = std::move(clone);
    clone = parse(text);
  }
  PassManager manager(&context);
  manager.addNestedPass<WeightOp>(std::make_unique<DoublePass>());
  ASSERT_TRUE(succeeded(manager.run(*module))) << messages;
  for (int i = 0; i < 64; ++i) {
    std::string name = "w" + std::to_string(i);
    if (i % 4 == 3) {
      EXPECT_THAT(values(get(*module, name)), ElementsAre(0, 0, 0));
      continue;
    }
    EXPECT_THAT(values(get(*module, name)), ElementsAre(2, 4, 6)) << name;
    EXPECT_THAT(values(get(*clone, name)), ElementsAre(1, 2, 3)) << name;
  }
  EXPECT_EQ(readWeight(get(*module, "w2"))->bytes().data(), place);
  EXPECT_EQ(read("w.bin"), std::string(1 << 20, '\0'));
}

TEST_F(Weights, PagesOfAFileAreChangedInPrivate) {
  write("m.mlirbc", toBytecode(*make(std::vector<float>(kElements, 1))));
  std::string before = read("m.mlirbc");
  OwningOpRef<ModuleOp> module = parseFile(path("m.mlirbc"));
  int64_t memory = readStatus("RssAnon");
  set(get(*module), kElements / 2, 3);
  if (!kSanitized)
    EXPECT_LT(readStatus("RssAnon"), memory + kKiB / 4);
  EXPECT_EQ(values(get(*module))[kElements / 2], 3);
  EXPECT_EQ(values(get(*module))[0], 1);
  EXPECT_TRUE(read("m.mlirbc") == before);
}

//===----------------------------------------------------------------------===//
// Files
//===----------------------------------------------------------------------===//

TEST_F(Weights, TwoModulesInAContextKeepTheirData) {
  StringRef one = R"mlir(
dyn.weight @w : !dyn.tensor<[1], f32> = #dyn.resource<w>
{-# dialect_resources: { dyn: { w: "0x400000000000803F" } } #-})mlir";
  StringRef two = R"mlir(
dyn.weight @w : !dyn.tensor<[1], f32> = #dyn.resource<w>
{-# dialect_resources: { dyn: { w: "0x4000000000000040" } } #-})mlir";
  OwningOpRef<ModuleOp> first = parse(one), second = parse(two);
  std::string bytes = toBytecode(*first);
  OwningOpRef<ModuleOp> third = parse(bytes);
  EXPECT_THAT(values(get(*first)), ElementsAre(1));
  EXPECT_THAT(values(get(*second)), ElementsAre(2));
  EXPECT_THAT(values(get(*third)), ElementsAre(1));
  first = {};
  EXPECT_THAT(values(get(*parse(toBytecode(*third)))), ElementsAre(1));
  EXPECT_THAT(values(get(*parse(print(*second)))), ElementsAre(2));
}

// Names of resources, types and slots are the context's.
TEST_F(Weights, ThreadsShareAContext) {
  constexpr unsigned kThreads = 4, kRounds = 25;
  auto module = make({1, 2, 3});
  std::vector<std::thread> threads;
  std::atomic<unsigned> wrong = 0;
  for (unsigned i = 0; i < kThreads; ++i)
    threads.emplace_back([&, i] {
      for (unsigned round = 0; round < kRounds; ++round) {
        std::string text = "dyn.weight @w : !dyn.tensor<[2], f32> = "
                           "#dyn.resource<w>\n"
                           "dyn.weight @v : !dyn.tensor<[" +
                           std::to_string(round) +
                           "], f32> = #dyn.absent\n"
                           "{-# dialect_resources: { dyn: { w: "
                           "\"0x040000000000803F00000040\" } } #-}";
        auto read = parseSourceString<ModuleOp>(text, &context);
        OwningOpRef<ModuleOp> clone = module->clone();
        set(get(*clone), 0, 10.0f + i);
        bool isRight =
            read && values(get(*read)) == std::vector<float>{1, 2} &&
            values(get(*clone)) == std::vector<float>{10.0f + i, 2, 3};
        wrong += !isRight;
      }
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(wrong, 0u);
  EXPECT_THAT(values(get(*module)), ElementsAre(1, 2, 3));
}

TEST_F(Weights, OneModuleMayHoldWeightsOfTwo) {
  OwningOpRef<ModuleOp> first = make({1}), second = make({2});
  WeightOp moved = get(*second);
  moved.setSymName("v");
  moved->moveBefore(get(*first));
  OwningOpRef<ModuleOp> text = parse(print(*first));
  EXPECT_THAT(values(get(*text, "w")), ElementsAre(1));
  EXPECT_THAT(values(get(*text, "v")), ElementsAre(2));
  OwningOpRef<ModuleOp> bytecode = parse(toBytecode(*first));
  EXPECT_THAT(values(get(*bytecode, "w")), ElementsAre(1));
  EXPECT_THAT(values(get(*bytecode, "v")), ElementsAre(2));
}

TEST_F(Weights, SharedDataAreWrittenOnce) {
  OwningOpRef<ModuleOp> module = make(std::vector<float>(1024, 1));
  WeightOp weight = get(*module);
  OpBuilder builder(weight);
  cast<WeightOp>(builder.clone(*weight)).setSymName("v");
  std::string bytes = toBytecode(*module);
  EXPECT_LT(bytes.size(), 4096u + 1024);
  OwningOpRef<ModuleOp> again = parse(bytes);
  EXPECT_EQ(readWeight(get(*again, "w"))->bytes().data(),
            readWeight(get(*again, "v"))->bytes().data());
}

TEST_F(Weights, DataStartAtPagesOfTheFile) {
  write("m.mlirbc", toBytecode(*make(std::vector<float>(20000, 1))));
  OwningOpRef<ModuleOp> module = parseFile(path("m.mlirbc"));
  Blob blob = *readWeight(get(*module));
  ASSERT_TRUE(blob.getFile());
  EXPECT_EQ(blob.getFile()->getPath(), path("m.mlirbc"));
  EXPECT_EQ(blob.getFileOffset() % 4096, 0u);
  EXPECT_EQ(blob.alignment(), 4096u);
}

TEST_F(Weights, DataNobodyClaimsAreDropped) {
  write("m.mlirbc", toBytecode(*make({1, 2})));
  StringRef text = R"mlir(
module {}
{-# dialect_resources: { dyn: { w: "0x400000000000803F" } } #-})mlir";
  OwningOpRef<ModuleOp> module = parse(text);
  EXPECT_EQ(print(*module).find("0x4000"), std::string::npos);
  releaseUnclaimedWeights(&context);
}

TEST_F(Weights, EmptyWeightsTravel) {
  OwningOpRef<ModuleOp> module = make({});
  EXPECT_THAT(values(get(*parse(print(*module)))), ElementsAre());
  EXPECT_THAT(values(get(*parse(toBytecode(*module)))), ElementsAre());
}

TEST_F(Weights, NamesMayBeAnything) {
  OwningOpRef<ModuleOp> module = make({4});
  WeightOp weight = get(*module);
  weight.setSource(WeightSource(&context, "a/\"b\" \n c", makeBlob({4})));
  EXPECT_THAT(values(get(*parse(print(*module)))), ElementsAre(4));
  EXPECT_THAT(values(get(*parse(toBytecode(*module)))), ElementsAre(4));
}

//===----------------------------------------------------------------------===//
// References and errors
//===----------------------------------------------------------------------===//

TEST_F(Weights, ReferencesAreOpenedWhenRead) {
  OwningOpRef<ModuleOp> module = parse(
      R"mlir(dyn.weight @w : !dyn.tensor<[1], f32> = #dyn.external<"w.safetensors", "k">)mlir");
  setWeightFolders(&context, {folder.string(), ""});
  EXPECT_ERROR(readWeight(get(*module)),
               AllOf(HasSubstr("weight 'w': w.safetensors: there is no such"),
                     HasSubstr(folder.string())));
  write("w.safetensors",
        makeSafetensors(
            R"({"k":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
            std::string("\0\0\x80\x3f", 4)));
  EXPECT_THAT(values(get(*module)), ElementsAre(1));
  set(get(*module), 0, 9);
  EXPECT_THAT(values(get(*module)), ElementsAre(9));
  EXPECT_TRUE(get(*module).getSource().isResource());
}

TEST_F(Weights, AWeightsFolderMayBeNamed) {
  OwningOpRef<ModuleOp> module = parse(
      R"mlir(dyn.weight @w : !dyn.tensor<[1], f32> = #dyn.external<"w.bin", 0, 4>)mlir");
  setWeightFolders(&context, {"/", ""});
  write("w.bin", std::string("\0\0\x80\x3f", 4));
  EXPECT_ERROR(readWeight(get(*module)), HasSubstr("no such file"));
  Result<Blob> blob = readWeight(get(*module), folder.string());
  ASSERT_OK(blob);
  EXPECT_EQ(blob->getNumBytes(), 4u);
}

TEST_F(Weights, AbsentDataAreAnErrorOnlyForWhoReadsThem) {
  OwningOpRef<ModuleOp> module =
      parse("dyn.weight @w : !dyn.tensor<[1], f32> = #dyn.absent");
  EXPECT_TRUE(succeeded(verify(*module)));
  EXPECT_ERROR(readWeight(get(*module)),
               "weight 'w': its data are absent: name the file that has them "
               "with --dyn-attach-weights=file=FILE");
  EXPECT_FALSE(changeWeight(get(*module)));
}

TEST_F(Weights, AFailedChangeLeavesTheReference) {
  OwningOpRef<ModuleOp> module = parse(
      R"mlir(dyn.weight @w : !dyn.tensor<[1], f32> = #dyn.external<"w.bin", 0, 4>)mlir");
  EXPECT_FALSE(changeWeight(get(*module)));
  EXPECT_TRUE(get(*module).getSource().getReference());
}

} // namespace
