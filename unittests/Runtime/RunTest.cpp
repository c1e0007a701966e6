//===- RunTest.cpp - Running models ---------------------------------------===//

#include "Artifacts.h"
#if defined(__x86_64__)
#include <immintrin.h>
#endif
#include <algorithm>
#include <numeric>
#include <thread>

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

namespace {
/// Inputs of the model "scale", and what comes out.
struct ScaleCase {
  Tensor<float> x;
  Tensor<int64_t> mask;
  std::vector<float> expected;

  ScaleCase(int64_t rows, int64_t columns, int seed = 0)
      : x({rows, columns}), mask({rows, columns}) {
    for (size_t i = 0; i < x.elements.size(); ++i) {
      x.elements[i] = static_cast<float>((i * 7 + seed) % 23);
      mask.elements[i] = static_cast<int64_t>((i * 5 + seed) % 3);
      expected.push_back(2 * x.elements[i] +
                         static_cast<float>(mask.elements[i]));
    }
  }
  std::vector<dyn_argument> inputs() { return {{"x", &x}, {"mask", &mask}}; }
};
} // namespace

template <typename T>
static std::vector<T> takeElements(DLManagedTensor *tensor) {
  int64_t count = 1;
  for (int i = 0; i < tensor->dl_tensor.ndim; ++i)
    count *= tensor->dl_tensor.shape[i];
  const T *data = static_cast<T *>(tensor->dl_tensor.data);
  std::vector<T> elements(data, data + count);
  tensor->deleter(tensor);
  return elements;
}

TEST(RunTest, WritesIntoBuffers) {
  for (int threads : {1, 2, 5, 20}) {
    TestModel model(getArtifact("scale"), threads);
    for (int64_t rows : {0, 1, 2, 7, 64})
      for (int64_t columns : {1, 3, 512}) {
        ScaleCase test(rows, columns);
        Tensor<float> y({rows, columns});
        ASSERT_EQ(model.run(test.inputs(), {{"y", &y}}), DYN_OK)
            << dyn_last_error();
        EXPECT_EQ(y.elements, test.expected);
      }
  }
}

TEST(RunTest, ReturnsResults) {
  TestModel model(getArtifact("scale"));
  ScaleCase test(2, 3);
  DLManagedTensor *result = nullptr;
  ASSERT_EQ(model.run(test.inputs(), {}, &result), DYN_OK);
  EXPECT_EQ(result->dl_tensor.dtype.bits, 32);
  EXPECT_EQ(result->dl_tensor.device.device_type, kDLCPU);
  ASSERT_EQ(result->dl_tensor.ndim, 2);
  EXPECT_EQ(result->dl_tensor.shape[1], 3);
  EXPECT_EQ(takeElements<float>(result), test.expected);

  // A buffer for the only output leaves none to return.
  Tensor<float> y({2, 3});
  result = reinterpret_cast<DLManagedTensor *>(1);
  ASSERT_EQ(model.run(test.inputs(), {{"y", &y}}, &result), DYN_OK);
  EXPECT_EQ(result, nullptr);
  // Nor does nobody's interest make it fail.
  EXPECT_EQ(model.run(test.inputs(), {}), DYN_OK);
}

TEST(RunTest, TakesAnyStrides) {
  TestModel model(getArtifact("scale"));
  ScaleCase test(2, 3);
  // x transposed in memory, the mask's columns reversed, y with gaps.
  Tensor<float> x({2, 3});
  Tensor<int64_t> mask({2, 3});
  Tensor<float> y({2, 9});
  for (int i = 0; i < 2; ++i)
    for (int j = 0; j < 3; ++j) {
      x.elements[j * 2 + i] = test.x.elements[i * 3 + j];
      mask.elements[i * 3 + 2 - j] = test.mask.elements[i * 3 + j];
    }
  x.setStrides({1, 2});
  mask.setStrides({3, -1});
  mask.data = &mask.elements[2];
  y.sizes[1] = 3;
  y.setStrides({9, 3});
  ASSERT_EQ(model.run({{"x", &x}, {"mask", &mask}}, {{"y", &y}}), DYN_OK);
  for (int i = 0; i < 2; ++i)
    for (int j = 0; j < 9; ++j)
      EXPECT_EQ(y.elements[i * 9 + j],
                j % 3 ? 0 : test.expected[i * 3 + j / 3]);
}

TEST(RunTest, TakesUnalignedMemory) {
  TestModel model(getArtifact("scale"));
  ScaleCase test(1, 2);
  std::vector<char> bytes(9);
  memcpy(&bytes[1], test.x.elements.data(), 8);
  test.x.data = bytes.data();
  test.x.byte_offset = 1;
  Tensor<float> y({1, 2});
  ASSERT_EQ(model.run(test.inputs(), {{"y", &y}}), DYN_OK);
  EXPECT_EQ(y.elements, test.expected);
}

TEST(RunTest, ReturnsOutputsOfUnknownSize) {
  TestModel model(getArtifact("nonzero"));
  Tensor<uint8_t> mask({5}, {1, 0, 0, 1, 1});
  DLManagedTensor *results[2];
  ASSERT_EQ(model.run({{"mask", &mask}}, {}, results), DYN_OK);
  EXPECT_EQ(results[0]->dl_tensor.shape[0], 3);
  EXPECT_THAT(takeElements<int64_t>(results[0]), ElementsAre(0, 3, 4));
  EXPECT_THAT(takeElements<int64_t>(results[1]), ElementsAre(2, 1));

  Tensor<int64_t> found({4}), others({1, 1, 2});
  ASSERT_EQ(model.run({{"mask", &mask}}, {{"found", &found}}, results), DYN_OK);
  EXPECT_EQ(found.sizes[0], 3);
  EXPECT_THAT(found.elements, ElementsAre(0, 3, 4, 0));
  EXPECT_EQ(results[0], nullptr);
  EXPECT_THAT(takeElements<int64_t>(results[1]), ElementsAre(2, 1));

  found.sizes[0] = 2;
  EXPECT_FAILURE(model.run({{"mask", &mask}}, {{"found", &found}}, results),
                 DYN_INVALID_ARGUMENT,
                 "output 'found' is [3], more than its buffer holds: [2]");
  EXPECT_EQ(results[1], nullptr);
  EXPECT_FAILURE(model.run({{"mask", &mask}}, {{"others", &others}}),
                 DYN_INVALID_ARGUMENT,
                 "the buffer of output 'others' has rank 3, expected [?] of "
                 "rank 1");
  found.setStrides({2});
  EXPECT_FAILURE(model.run({{"mask", &mask}}, {{"found", &found}}),
                 DYN_INVALID_ARGUMENT, HasSubstr("is not contiguous"));

  Tensor<uint8_t> empty({0});
  ASSERT_EQ(model.run({{"mask", &empty}}, {}, results), DYN_OK);
  EXPECT_TRUE(takeElements<int64_t>(results[0]).empty());
  EXPECT_TRUE(takeElements<int64_t>(results[1]).empty());
}

TEST(RunTest, AppendsInPlace) {
  TestModel model(getArtifact("append"));
  // Room for 2 x 10; past is the first 2 x 3 of it, present the first 2 x 5.
  Tensor<float> cache({2, 10});
  std::iota(cache.elements.begin(), cache.elements.end(), 0);
  Tensor<float> past({2, 3}), present({2, 5}), x({2, 2}, {50, 51, 52, 53});
  past.data = present.data = cache.data;
  past.setStrides({10, 1});
  present.setStrides({10, 1});
  ASSERT_EQ(model.run({{"past", &past}, {"x", &x}}, {{"present", &present}}),
            DYN_OK)
      << dyn_last_error();
  EXPECT_THAT(cache.elements, ElementsAre(0, 1, 2, 50, 51, 5, 6, 7, 8, 9, 10,
                                          11, 12, 52, 53, 15, 16, 17, 18, 19));
}

TEST(RunTest, CopiesAnAliasThatIsElsewhere) {
  TestModel model(getArtifact("append"));
  Tensor<float> past({2, 1}, {1, 2}), x({2, 2}, {5, 6, 7, 8});
  DLManagedTensor *result = nullptr;
  // With gaps first: strides of a run are not those of the next one.
  Tensor<float> spread({2, 1}, {1, 0, 0, 0, 2}), present({2, 3});
  present.elements.resize(10);
  present.data = present.elements.data();
  spread.setStrides({4, 1});
  present.setStrides({5, 1});
  ASSERT_EQ(model.run({{"past", &spread}, {"x", &x}}, {{"present", &present}}),
            DYN_OK)
      << dyn_last_error();
  EXPECT_THAT(present.elements, ElementsAre(1, 5, 6, 0, 0, 2, 7, 8, 0, 0));
  ASSERT_EQ(model.run({{"past", &past}, {"x", &x}}, {}, &result), DYN_OK);
  EXPECT_THAT(takeElements<float>(result), ElementsAre(1, 5, 6, 2, 7, 8));
  EXPECT_THAT(past.elements, ElementsAre(1, 2));

  Tensor<float> empty({2, 0});
  ASSERT_EQ(model.run({{"past", &empty}, {"x", &x}}, {}, &result), DYN_OK);
  EXPECT_THAT(takeElements<float>(result), ElementsAre(5, 6, 7, 8));
}

TEST(RunTest, RefusesWrongInputs) {
  TestModel model(getArtifact("scale"));
  ScaleCase test(2, 11);
  Tensor<int64_t> longer({2, 12});
  Tensor<double> doubles({2, 11});
  Tensor<float> null({2, 11}), gpu({2, 11}), negative({0, 11});
  null.data = nullptr;
  gpu.device.device_type = kDLCUDA;
  negative.sizes[0] = -1;

  auto expect = [&](const std::vector<dyn_argument> &inputs,
                    const testing::Matcher<std::string> &message) {
    DLManagedTensor *result = reinterpret_cast<DLManagedTensor *>(1);
    EXPECT_FAILURE(model.run(inputs, {}, &result), DYN_INVALID_ARGUMENT,
                   message);
    EXPECT_EQ(result, nullptr);
  };
  expect({{"x", &test.x}},
         "input 'mask' is missing; the model's inputs are x, mask");
  expect({{"x", &test.x}, {"mast", &test.mask}},
         "there is no input 'mast'; the model's inputs are x, mask");
  expect({{"x", &test.x}, {"mask", &test.mask}, {"x", &test.x}},
         "input 'x' is given twice");
  expect({{"x", &test.x}, {nullptr, &test.mask}}, "an input has no name");
  expect({{"x", &test.x}, {"mask", nullptr}},
         "input 'mask' has no tensor or no shape");
  expect({{"x", &doubles}, {"mask", &test.mask}},
         "input 'x' is f64, expected f32");
  expect({{"x", &test.x}, {"mask", &longer}},
         "x is [2, 11], but mask is [2, 12]: S cannot be both (expected "
         "[B, S] and [B, S])");
  expect({{"x", &null}, {"mask", &test.mask}}, "input 'x' has no memory");
  expect({{"x", &gpu}, {"mask", &test.mask}},
         "input 'x' is not in the CPU's memory (DLPack device 2)");
  expect({{"x", &negative}, {"mask", &test.mask}},
         "input 'x' has the negative size -1 in dimension 0");
  Tensor<float> many({65, 1});
  Tensor<int64_t> manyMask({65, 1});
  expect({{"x", &many}, {"mask", &manyMask}},
         "input 'x' is [65, 1], expected [B, S]: B is 65, but the model is "
         "compiled for B from 0 to 64");
  EXPECT_FAILURE(dyn_model_run(model, nullptr, 1, nullptr, 0, nullptr),
                 DYN_INVALID_ARGUMENT, "argument 'inputs' is null");
}

TEST(RunTest, RefusesWrongBuffers) {
  TestModel model(getArtifact("scale"));
  ScaleCase test(2, 3);
  Tensor<float> small({2, 2}), y({2, 3});
  Tensor<double> doubles({2, 3});
  EXPECT_FAILURE(model.run(test.inputs(), {{"y", &small}}),
                 DYN_INVALID_ARGUMENT,
                 "the buffer of output 'y' is [2, 2], expected [B, S] = "
                 "[2, 3]");
  EXPECT_FAILURE(model.run(test.inputs(), {{"y", &doubles}}),
                 DYN_INVALID_ARGUMENT, "output 'y' is f64, expected f32");
  EXPECT_FAILURE(model.run(test.inputs(), {{"z", &y}}), DYN_INVALID_ARGUMENT,
                 "there is no output 'z'; the model's outputs are y");
  EXPECT_FAILURE(model.run(test.inputs(), {{"y", &test.x}}),
                 DYN_INVALID_ARGUMENT,
                 "the buffer of output 'y' overlaps input 'x' in memory");

  TestModel nonzero(getArtifact("nonzero"));
  TestModel append(getArtifact("append"));
  Tensor<float> past({2, 1}), x({2, 2}), present({2, 3});
  present.data = x.data;
  EXPECT_FAILURE(
      append.run({{"past", &past}, {"x", &x}}, {{"present", &present}}),
      DYN_INVALID_ARGUMENT,
      "the buffer of output 'present' overlaps input 'x' in memory");
}

/// A run with the sizes and the buffers of the last one skips what that found
/// out, but nothing that it did not.
TEST(RunTest, ChecksWhatTheLastRunDidNot) {
  TestModel model(getArtifact("scale"));
  ScaleCase test(2, 3), turned(3, 2), other(2, 3, 5);
  Tensor<float> y({2, 3}), z({3, 2});
  for (int i = 0; i < 2; ++i) {
    std::ranges::fill(y.elements, -1.0f);
    ASSERT_EQ(model.run(test.inputs(), {{"y", &y}}), DYN_OK);
    EXPECT_EQ(y.elements, test.expected);
  }
  ASSERT_EQ(model.run(other.inputs(), {{"y", &y}}), DYN_OK);
  EXPECT_EQ(y.elements, other.expected);
  for (int i = 0; i < 2; ++i) {
    // As many elements, other sizes.
    EXPECT_FAILURE(model.run(turned.inputs(), {{"y", &y}}),
                   DYN_INVALID_ARGUMENT, HasSubstr("is [2, 3]"));
    EXPECT_FAILURE(model.run({{"x", &turned.x}, {"mask", &test.mask}}, {}),
                   DYN_INVALID_ARGUMENT, HasSubstr("[3, 2]"));
    ASSERT_EQ(model.run(turned.inputs(), {{"y", &z}}), DYN_OK);
    EXPECT_EQ(z.elements, turned.expected);
  }
  ASSERT_EQ(model.run(test.inputs(), {{"y", &y}}), DYN_OK);
  for (int i = 0; i < 2; ++i) {
    EXPECT_FAILURE(model.run({{"x", &test.x}}, {{"y", &y}}),
                   DYN_INVALID_ARGUMENT, HasSubstr("'mask' is missing"));
    EXPECT_FAILURE(model.run(test.inputs(), {{"y", &test.x}}),
                   DYN_INVALID_ARGUMENT, HasSubstr("overlaps"));
    ASSERT_EQ(model.run(test.inputs(), {{"y", &y}}), DYN_OK);
    EXPECT_EQ(y.elements, test.expected);
  }
}

TEST(RunTest, RefusesSizesBeyondMemory) {
  TemporaryFolder folder;
  patchArtifact(
      "scale", folder / "big.so",
      {{"\"max\": 64", "\"min\": 0"}, {"\"max\": 512", "\"min\": 0"}});
  TestModel model(folder / "big.so");
  // Empty, so that no memory has to be there: only sizes are looked at.
  Tensor<float> x({0, 1});
  Tensor<int64_t> mask({0, 1});
  x.sizes[1] = mask.sizes[1] = INT64_MAX / 2;
  EXPECT_FAILURE(model.run({{"x", &x}, {"mask", &mask}}, {}),
                 DYN_INVALID_ARGUMENT, HasSubstr("has more bytes than"));
  x.sizes = mask.sizes = {INT64_MAX / 2, INT64_MAX / 2};
  EXPECT_FAILURE(model.run({{"x", &x}, {"mask", &mask}}, {}),
                 DYN_INVALID_ARGUMENT, HasSubstr("has more bytes than"));

  // The arena's formula overflows before memory is asked for.
  x.sizes = mask.sizes = {1, 1};
  patchArtifact("scale", folder / "arena.so",
                {{"[\"*\", 4, \"B\", \"S\"]",
                  "[\"*\", 4000000000000000000, \"B\", \"S\"]"}});
  TestModel huge(folder / "arena.so");
  ScaleCase small(1, 1);
  EXPECT_FAILURE(huge.run(small.inputs(), {}), DYN_NO_MEMORY,
                 "no memory for the model's intermediate results at B = 1, S "
                 "= 1: 4000000000000000000 bytes");
  ScaleCase larger(2, 2);
  EXPECT_FAILURE(huge.run(larger.inputs(), {}), DYN_INVALID_ARGUMENT,
                 HasSubstr("overflows"));
}

/// As in Inputs/misbehave.c.
enum Mode : int64_t {
  Report,
  Fail,
  FailInParallel,
  ReportInParallel,
  AllocateTooMuch,
  AllocateTooMuchInParallel,
  ReturnCode,
  UnknownMessage,
  Leak,
  AllocateInParallel,
  NestLoops
};

TEST(RunTest, ReportsErrorsOfTheCode) {
  for (int threads : {1, 4}) {
    TestModel model(getArtifact("misbehave"), threads);
    auto expect = [&](Mode mode, dyn_status status, const char *message) {
      Tensor<int64_t> input({1}, {mode}), y({1});
      EXPECT_FAILURE(model.run({{"mode", &input}}, {{"y", &y}}), status,
                     StartsWith(message));
      // The model is as good as before.
      input.elements[0] = Leak;
      EXPECT_EQ(model.run({{"mode", &input}}, {{"y", &y}}), DYN_OK);
      EXPECT_EQ(y.elements[0], 42);
    };
    for (int round = 0; round < 50; ++round) {
      const char *index =
          "node 'g': index 7 is out of range for axis of size 5";
      expect(Report, DYN_RUN_FAILED, index);
      expect(Fail, DYN_RUN_FAILED, "node 'd': -3 is divided by 0");
      expect(FailInParallel, DYN_RUN_FAILED, index);
      expect(ReportInParallel, DYN_RUN_FAILED, index);
      expect(AllocateTooMuch, DYN_NO_MEMORY,
             "no memory: the model asked for 9223372036854775807 bytes");
      expect(AllocateTooMuchInParallel, DYN_NO_MEMORY,
             "no memory: the model asked for 4611686018427387903 bytes");
      expect(ReturnCode, DYN_RUN_FAILED,
             "the model failed with code 7 and did not say why");
      expect(UnknownMessage, DYN_RUN_FAILED,
             "the model failed with message 99, which it does not have, about "
             "1 and 2");
    }
  }
}

TEST(RunTest, AllocatesAndNestsInLoops) {
  for (int threads : {1, 3, 20}) {
    TestModel model(getArtifact("misbehave"), threads);
    for (int round = 0; round < 20; ++round) {
      Tensor<int64_t> mode({1}, {AllocateInParallel}), y({1});
      EXPECT_EQ(model.run({{"mode", &mode}}, {{"y", &y}}), DYN_OK);
      mode.elements[0] = NestLoops;
      EXPECT_EQ(model.run({{"mode", &mode}}, {{"y", &y}}), DYN_OK);
      EXPECT_EQ(y.elements[0], 100 * 999 * 1000 / 2);
    }
  }
}

#if defined(__x86_64__)
TEST(RunTest, RoundsAsTheCallerOnAllThreads) {
  TestModel model(getArtifact("scale"), 4);
  Tensor<float> x({64, 512}, std::vector<float>(64 * 512, 1e-40f));
  Tensor<int64_t> mask({64, 512});
  Tensor<float> y({64, 512});
  const unsigned mode = _mm_getcsr();
  for (bool flushesDenormals : {false, true}) {
    for (int round = 0; round < 20; ++round) {
      _mm_setcsr(mode | (flushesDenormals ? 0x8040 : 0));
      dyn_status status = model.run({{"x", &x}, {"mask", &mask}}, {{"y", &y}});
      _mm_setcsr(mode);
      ASSERT_EQ(status, DYN_OK);
      EXPECT_THAT(y.elements,
                  testing::Each(flushesDenormals ? 0.0f : 2 * 1e-40f));
    }
  }
}
#endif

TEST(RunTest, RunsOnSeveralThreadsAtOnce) {
  TestModel model(getArtifact("scale"), 2);
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 4; ++caller)
    callers.emplace_back([&, caller] {
      for (int round = 0; round < 100; ++round) {
        ScaleCase test(1 + (round + caller) % 13, 1 + round % 31, caller);
        DLManagedTensor *result = nullptr;
        ASSERT_EQ(model.run(test.inputs(), {}, &result), DYN_OK);
        EXPECT_EQ(takeElements<float>(result), test.expected);
        // Errors are the thread's own.
        std::string name = "caller " + std::to_string(caller);
        EXPECT_FAILURE(model.run({{name.c_str(), &test.x}}, {}),
                       DYN_INVALID_ARGUMENT, HasSubstr(name));
      }
    });
  for (std::thread &caller : callers)
    caller.join();
}

TEST(RunTest, ResultsOutliveTheModel) {
  DLManagedTensor *results[2];
  {
    TestModel model(getArtifact("nonzero"));
    Tensor<uint8_t> mask({2}, {1, 1});
    ASSERT_EQ(model.run({{"mask", &mask}}, {}, results), DYN_OK);
  }
  EXPECT_THAT(takeElements<int64_t>(results[0]), ElementsAre(0, 1));
  EXPECT_TRUE(takeElements<int64_t>(results[1]).empty());
}
