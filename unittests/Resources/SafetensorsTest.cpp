//===- SafetensorsTest.cpp ------------------------------------------------===//

#include "Dyn/Resources/Safetensors.h"
#include "Testing.h"

#include <ctime>
#include <numeric>
#include <sys/mman.h>
#include <unistd.h>

using namespace mlir::dyn;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

static Result<SafetensorsIndex> parse(std::string_view file) {
  return SafetensorsIndex::parse(toBytes(file), "w");
}

/// An index with one tensor, 't'.
static std::string one(const char *type, const char *shape,
                       const char *offsets) {
  return std::string(R"({"t":{"dtype":")") + type + R"(","shape":)" + shape +
         R"(,"data_offsets":)" + offsets + "}}";
}

static std::string repeat(std::string_view text, int times) {
  std::string all;
  while (times-- > 0)
    all += text;
  return all;
}

static constexpr const char *kZero =
    R"({"dtype":"U8","shape":[0],"data_offsets":[0,0]})";

struct BadIndex {
  std::string index;
  std::string message; ///< After "w: ".

  friend std::ostream &operator<<(std::ostream &os, const BadIndex &bad) {
    return os << bad.index.substr(0, 200);
  }
};

namespace {

TEST(SafetensorsIndexTest, ReadsNamesTypesAndPlaces) {
  std::string file = makeSafetensors(
      R"({"__metadata__":{"format":"pt","é":"\u00e9"},"b":{"shape":[],"data_offsets":[12,16],"dtype":"I32"},)"
      R"("a":{"dtype":"F16","shape":[2,3],"data_offsets":[0,12]},"":{"dtype":"F64","shape":[0,5],"data_offsets":[12,12]}}   )",
      std::string(16, 'x'));
  auto index = parse(file);
  ASSERT_OK(index);
  EXPECT_THAT(index->getMetadata(),
              ElementsAre(Pair("format", "pt"), Pair("é", "é")));
  ASSERT_EQ(index->getTensors().size(), 3u);
  const TensorEntry &a = index->getTensors()[0];
  EXPECT_EQ(a.name, "a");
  EXPECT_EQ(a.type, ElementType::F16);
  EXPECT_THAT(a.shape, ElementsAre(2, 3));
  EXPECT_EQ(a.offset, file.size() - 16);
  EXPECT_EQ(a.numBytes, 12u);
  const TensorEntry *empty = index->find("");
  ASSERT_NE(empty, nullptr);
  EXPECT_THAT(empty->shape, ElementsAre(0, 5));
  EXPECT_EQ(index->find("b")->offset, file.size() - 4);
  EXPECT_THAT(index->find("b")->shape, IsEmpty());
  EXPECT_EQ(index->find("c"), nullptr);
}

TEST(SafetensorsIndexTest, ReadsAFileWithoutTensors) {
  auto index = parse(makeSafetensors("{}", ""));
  ASSERT_OK(index);
  EXPECT_THAT(index->getTensors(), IsEmpty());
}

class BadIndexTest : public testing::TestWithParam<BadIndex> {};

TEST_P(BadIndexTest, IsRefused) {
  EXPECT_ERROR(parse(makeSafetensors(GetParam().index, "01234567")),
               "w: " + GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Form, BadIndexTest,
    testing::Values(
        BadIndex{"[]",
                 "is no safetensors file: its index does not begin with '{'"},
        BadIndex{"{", "the index is not JSON, at its byte 1"},
        BadIndex{"{}{}", "the index is not JSON, at its byte 2"},
        BadIndex{std::string("{}\0", 3),
                 "the index is not JSON, at its byte 2"},
        BadIndex{"{\"t\xff\":{}}", "the index is not UTF-8, at its byte 3"},
        BadIndex{"{\"t\xed\xa0\x80\":{}}",
                 "the index is not UTF-8, at its byte 3"},
        BadIndex{"{\"t\xc0\xaf\":{}}", "the index is not UTF-8, at its byte 3"},
        BadIndex{R"({"\ud800":{}})", "the index is not JSON, at its byte 8"},
        BadIndex{R"({"t":{}})", "tensor 't' has no 'dtype'"},
        BadIndex{R"({"t":{"dtype":"U8"}})", "tensor 't' has no 'shape'"},
        BadIndex{R"({"t":{"dtype":"U8","shape":[8]}})",
                 "tensor 't' has no 'data_offsets'"},
        BadIndex{R"({"t":{"dtype":"U8","dtype":"U8"}})",
                 "tensor 't' has 'dtype' twice"},
        BadIndex{R"({"t":{"shape":[1],"shape":[2]}})",
                 "tensor 't' has 'shape' twice"},
        BadIndex{R"({"t":{"sparse":true}})",
                 "tensor 't' has an unknown property 'sparse'"},
        BadIndex{R"({"t":{"dtype":5}})", "tensor 't': 'dtype' is not a string"},
        BadIndex{R"({"t":{"shape":[1.5]}})",
                 "tensor 't': 'shape' is not a list of integers of at least 0"},
        BadIndex{R"({"t":{"shape":[-1]}})",
                 "tensor 't': 'shape' is not a list of integers of at least 0"},
        BadIndex{R"({"t":{"shape":["1"]}})",
                 "tensor 't': 'shape' is not a list of integers of at least 0"},
        BadIndex{R"({"t":{"data_offsets":null}})",
                 "tensor 't': 'data_offsets' is not a list of integers of at "
                 "least 0"},
        BadIndex{R"({"t":[1]})", "tensor 't' is not described by an object"},
        BadIndex{R"({"__metadata__":{"a":1}})",
                 "metadata is not an object of strings"},
        BadIndex{R"({"__metadata__":{"a":{"b":"c"}}})",
                 "metadata is not an object of strings"},
        BadIndex{R"({"__metadata__":"a"})",
                 "metadata is not an object of strings"},
        BadIndex{R"({"__metadata__":{"a":"1","a":"2"}})",
                 "metadata 'a' stands twice"},
        BadIndex{R"({"__metadata__":{},"__metadata__":{}})",
                 "'__metadata__' stands twice in the index"},
        BadIndex{std::string("{\"t\":") + kZero + ",\"t\":" + kZero + "}",
                 "tensor 't' stands twice in the index"},
        BadIndex{R"({"a)" + std::string("\\n\\u001b") + R"(":[]})",
                 "tensor 'a?"
                 "?' is not described by an object"},
        BadIndex{"{\"" + repeat("n", 1000) + "\":[]}",
                 "tensor '" + repeat("n", 50) + "..." + repeat("n", 50) +
                     "' is not described by an object"},
        BadIndex{"{\"t\":" + repeat("[", 1000000),
                 "tensor 't' is not described by an object"},
        BadIndex{repeat("{\"t\":", 1000000),
                 "tensor 't' has an unknown property 't'"}));

INSTANTIATE_TEST_SUITE_P(
    Places, BadIndexTest,
    testing::Values(
        BadIndex{one("F4", "[16]", "[0,8]"),
                 "tensor 't' has unknown element type 'F4'"},
        BadIndex{one("U8", "[9]", "[0,9]"),
                 "tensor 't' ends at byte 70, the file at 69"},
        BadIndex{
            one("U8", "[8]", "[8,0]"),
            "tensor 't' starts at byte 8 of the data and ends before, at 0"},
        BadIndex{one("U8", "[8]", "[0]"),
                 "tensor 't' has 1 offsets, expected 2"},
        BadIndex{one("U8", "[8]", "[0,8,8]"),
                 "tensor 't' has more than 2 offsets"},
        BadIndex{one("U8", "[8]", "[0,9223372036854775807]"),
                 "tensor 't' ends at byte 9223372036854775886, the file at 87"},
        BadIndex{one("U8", "[8]", "[0,9223372036854775808]"),
                 "tensor 't': 9223372036854775808 in 'data_offsets' does not "
                 "fit 63 bits"},
        BadIndex{one("U8", "[8]", "[0,99999999999999999999999]"),
                 "tensor 't': 'data_offsets' is not a list of integers of at "
                 "least 0"},
        BadIndex{one("F32", "[3]", "[0,8]"),
                 "tensor 't', f32 [3], has 12 bytes, its offsets span 8"},
        BadIndex{one("U8", "[7]", "[0,7]"),
                 "the tensors end at byte 68, the file at 69"},
        BadIndex{one("U8", "[7]", "[1,8]"),
                 "tensor 't' starts at byte 62, expected 61, where the data "
                 "before it end"},
        BadIndex{one("F32", "[4294967296,4294967296]", "[0,0]"),
                 "tensor 't', f32 [4294967296, 4294967296], has more bytes "
                 "than fit 63 bits"},
        BadIndex{one("U8", "[0,4294967296,4294967296]", "[0,0]"),
                 "tensor 't', ui8 [0, 4294967296, 4294967296], has more bytes "
                 "than fit 63 bits"},
        BadIndex{one("U8", ("[" + repeat("1,", 64) + "8]").c_str(), "[0,8]"),
                 "tensor 't' has more than 64 dimensions"},
        BadIndex{
            R"({"a":{"dtype":"U8","shape":[5],"data_offsets":[0,5]},"b":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}})",
            "tensors 'a' and 'b' overlap: one ends at byte 118, the other "
            "starts at 117"},
        BadIndex{
            R"({"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]},"b":{"dtype":"U8","shape":[8],"data_offsets":[0,8]}})",
            "tensors 'a' and 'b' overlap: one ends at byte 121, the other "
            "starts at 113"},
        BadIndex{"{}", "the tensors end at byte 10, the file at 18"}));

TEST(SafetensorsIndexTest, RefusesTruncatedFiles) {
  std::string file = makeSafetensors(one("U8", "[8]", "[0,8]"), "01234567");
  ASSERT_OK(parse(file));
  for (size_t size = 0; size < file.size(); ++size) {
    std::string copy = file.substr(
        0, size); // Of exact size on the heap, for AddressSanitizer.
    copy.shrink_to_fit();
    auto index = parse(copy);
    ASSERT_FALSE(index) << size;
    if (size < 8)
      EXPECT_EQ(index.error().message(), "w: is no safetensors file: it has " +
                                             std::to_string(size) +
                                             " bytes, expected at least 8");
    else if (size < 61)
      EXPECT_EQ(index.error().message(),
                "w: gives its index 53 bytes, but has only " +
                    std::to_string(size - 8) + " after the length");
    else
      EXPECT_EQ(index.error().message(),
                "w: tensor 't' ends at byte 69, the file at " +
                    std::to_string(size));
  }
}

TEST(SafetensorsIndexTest, RefusesHugeIndices) {
  std::string file = makeSafetensors("{" + std::string(100'000'000, ' '), "");
  EXPECT_ERROR(
      parse(file),
      "w: has an index of 100000001 bytes, expected at most 100000000");
  file.resize(8);
  file.replace(0, 8, std::string(8, '\xff'));
  EXPECT_ERROR(parse(file), "w: gives its index 18446744073709551615 bytes, "
                            "but has only 0 after the length");
}

class SafetensorsTest : public FolderTest {
protected:
  static Blob makeBlob(ElementType type, std::vector<int64_t> shape,
                       unsigned seed) {
    Blob blob = *Blob::allocate(type, std::move(shape));
    for (std::byte &byte : *blob.mutableBytes())
      byte = std::byte(seed = seed * 75 + 74);
    return blob;
  }
};

TEST_F(SafetensorsTest, OpensHundredThousandTensorsFast) {
  std::vector<TensorSpec> specs;
  specs.reserve(100000);
  for (int i = 0; i < 100000; ++i)
    specs.push_back(
        {"model.layers." + std::to_string(i) + ".attention.query.weight",
         ElementType::F32,
         {1, 16}});
  auto writer = SafetensorsWriter::create(path("w"), specs);
  ASSERT_OK(writer);
  std::string data(64, 'd');
  for (const TensorSpec &spec : specs)
    ASSERT_OK(writer->write(spec.name, toBytes(data)));
  ASSERT_OK(writer->commit());

  // The processor's time, since tests run beside others; the best of three.
  double best = 1e9;
  for (int round = 0; round < 3; ++round) {
    std::clock_t start = std::clock();
    auto file = Safetensors::open(path("w"));
    best = std::min(best, double(std::clock() - start) / CLOCKS_PER_SEC);
    ASSERT_OK(file);
    EXPECT_EQ(file->getIndex()->getTensors().size(), 100000u);
  }
  RecordProperty("milliseconds", static_cast<int>(best * 1000));
  EXPECT_LT(best, kSanitized ? 60 : 0.5);
}

TEST_F(SafetensorsTest, OpeningTouchesTheIndexOnly) {
  constexpr int64_t kBytes = int64_t(100) << 30;
  std::string index = one("U8", "[107374182400]", "[0,107374182400]");
  write("w", makeSafetensors(index, ""));
  std::filesystem::resize_file(path("w"), 8 + index.size() + kBytes);
  auto file = Safetensors::open(path("w"));
  ASSERT_OK(file);
  Blob blob = *file->getBlob("t");
  EXPECT_EQ(blob.getNumBytes(), uint64_t(kBytes));
  std::vector<unsigned char> resident((size_t(1) << 30) / 4096);
  auto *pages = const_cast<std::byte *>(file->getFile()->bytes().data());
  ASSERT_EQ(::mincore(pages, size_t(1) << 30, resident.data()), 0);
  // What is in the page cache: the index, and no more than a read-ahead beside
  // it.
  EXPECT_LT(std::accumulate(resident.begin(), resident.end(), 0), 64);
}

TEST_F(SafetensorsTest, WritesWhatItReads) {
  std::vector<std::pair<std::string, Blob>> tensors = {
      {"odd", makeBlob(ElementType::U8, {7}, 1)},
      {"matrix", makeBlob(ElementType::F32, {13, 64}, 2)},
      {"scalar", makeBlob(ElementType::F64, {}, 3)},
      {"half \"é\"\n\\", makeBlob(ElementType::BF16, {3, 5}, 4)},
      {"empty", makeBlob(ElementType::I64, {0, 4}, 5)},
      {"flags", makeBlob(ElementType::I1, {3}, 6)},
      {"large", makeBlob(ElementType::I8, {100003}, 7)},
  };
  std::vector<TensorSpec> specs;
  specs.reserve(tensors.size());
  for (const auto &[name, blob] : tensors)
    specs.push_back({name, blob.getElementType(), blob.getShape()});
  auto writer = SafetensorsWriter::create(
      path("w"), specs, {{"format", "pt"}, {"note", "a \"b\""}});
  ASSERT_OK(writer);
  for (auto it = tensors.rbegin(); it != tensors.rend();
       ++it) // Any order will do.
    ASSERT_OK(writer->write(it->first, it->second));
  ASSERT_OK(writer->commit());
  EXPECT_THAT(list(), ElementsAre("w"));

  auto file = Safetensors::open(path("w"));
  ASSERT_OK(file);
  EXPECT_THAT(file->getIndex()->getMetadata(),
              ElementsAre(Pair("format", "pt"), Pair("note", "a \"b\"")));
  for (const auto &[name, blob] : tensors) {
    auto read = file->getBlob(name);
    ASSERT_OK(read);
    EXPECT_EQ(read->getElementType(), blob.getElementType());
    EXPECT_EQ(read->getShape(), blob.getShape());
    EXPECT_EQ(toString(read->bytes()), toString(blob.bytes()));
    EXPECT_EQ(read->alignment() % getByteWidth(blob.getElementType()), 0u)
        << name;
  }
  EXPECT_EQ(file->getBlob("matrix")->alignment() % 64, 0u);
  EXPECT_ERROR(file->getBlob("missing"),
               path("w") + ": has no tensor 'missing'");
}

TEST_F(SafetensorsTest, FormatOfAWrittenFile) {
  auto writer =
      SafetensorsWriter::create(path("w"), {{"a", ElementType::U8, {2}},
                                            {"b", ElementType::F32, {2, 8}}});
  ASSERT_OK(writer);
  ASSERT_OK(writer->write("b", toBytes(std::string(60, 'b'))));
  ASSERT_OK(writer->write("b", toBytes("BBBB")));
  ASSERT_OK(writer->write("a", toBytes("aa")));
  ASSERT_OK(writer->commit());
  std::string index =
      R"({"b":{"dtype":"F32","shape":[2,8],"data_offsets":[0,64]},)"
      R"("a":{"dtype":"U8","shape":[2],"data_offsets":[64,66]}})";
  index.resize(120, ' ');
  EXPECT_EQ(read("w"), makeSafetensors(index, std::string(60, 'b') + "BBBBaa"));
}

TEST_F(SafetensorsTest, TheTargetMayBeTheSource) {
  write("w", makeSafetensors(one("U8", "[8]", "[0,8]"), "01234567"));
  auto source = Safetensors::open(path("w"));
  ASSERT_OK(source);
  auto writer =
      SafetensorsWriter::create(path("w"), {{"first", ElementType::U8, {8}},
                                            {"second", ElementType::U8, {8}}});
  ASSERT_OK(writer);
  ASSERT_OK(writer->write("first", *source->getBlob("t")));
  Blob changed = *source->getBlob("t");
  (*changed.mutableBytes())[0] = std::byte('x');
  ASSERT_OK(writer->write("second", changed));
  ASSERT_OK(writer->commit());
  EXPECT_EQ(toString(source->getBlob("t")->bytes()), "01234567");
  EXPECT_EQ(toString(Safetensors::open(path("w"))->getBlob("first")->bytes()),
            "01234567");
  EXPECT_EQ(toString(Safetensors::open(path("w"))->getBlob("second")->bytes()),
            "x1234567");
}

TEST_F(SafetensorsTest, WriterRefusesBadTensors) {
  auto create = [&](const std::vector<TensorSpec> &specs) {
    return SafetensorsWriter::create(path("w"), specs);
  };
  std::string prefix = path("w") + ": cannot be written: ";
  EXPECT_ERROR(create({{"a\xff", ElementType::U8, {}}}),
               prefix + "the name 'a?' is not UTF-8");
  EXPECT_ERROR(create({{"__metadata__", ElementType::U8, {}}}),
               prefix + "no tensor can be called '__metadata__'");
  EXPECT_ERROR(
      create({{"a", ElementType::U8, {1}}, {"a", ElementType::F32, {1}}}),
      prefix + "tensor 'a' is given twice");
  EXPECT_ERROR(create({{"a", ElementType::U8, {-1}}}),
               prefix + "tensor 'a', ui8 [-1], has a negative size or more "
                        "bytes than fit 63 bits");
  EXPECT_ERROR(create({{"a", ElementType::U8, {INT64_MAX}},
                       {"b", ElementType::U8, {INT64_MAX}}}),
               prefix +
                   "the tensors together have more bytes than fit 63 bits");
  EXPECT_ERROR(create({{"a", ElementType::U8, std::vector<int64_t>(65, 1)}}),
               prefix + "tensor 'a' has 65 dimensions, expected at most 64");
  EXPECT_ERROR(SafetensorsWriter::create(path("w"), {}, {{"k", "\x80"}}),
               prefix + "metadata 'k' is not UTF-8");
  EXPECT_ERROR(create({{std::string(100'000'000, 'n'), ElementType::U8, {}}}),
               HasSubstr("bytes, the format allows 100000000"));
  EXPECT_THAT(list(), IsEmpty());
}

TEST_F(SafetensorsTest, WriterRefusesWrongData) {
  auto writer =
      SafetensorsWriter::create(path("w"), {{"a", ElementType::F32, {2}}});
  ASSERT_OK(writer);
  EXPECT_ERROR(writer->write("b", toBytes("1234")),
               path("w") + ": tensor 'b' was not declared");
  EXPECT_ERROR(writer->write("a", *Blob::allocate(ElementType::F32, {2, 1})),
               path("w") + ": tensor 'a' is f32 [2], got f32 [2, 1]");
  EXPECT_ERROR(writer->write("a", *Blob::absent(ElementType::F32, {2})),
               path("w") + ": the data of tensor 'a' are absent");
  ASSERT_OK(writer->write("a", toBytes("1234")));
  EXPECT_ERROR(writer->commit(),
               path("w") + ": tensor 'a' has 8 bytes, only 4 were written");
  EXPECT_ERROR(writer->write("a", toBytes("12345")),
               path("w") + ": tensor 'a' has 8 bytes, got 9");
  ASSERT_OK(writer->write("a", toBytes("5678")));
  ASSERT_OK(writer->commit());
  EXPECT_EQ(toString(Safetensors::open(path("w"))->getBlob("a")->bytes()),
            "12345678");
}

// A transformation of a large file: memory stays at one tensor.
TEST_F(SafetensorsTest, StreamedRewriteNeedsLittleMemory) {
  if (kSanitized)
    GTEST_SKIP() << "a sanitizer's memory is not ours";
  constexpr int64_t kTensors = 32;
  constexpr int64_t kElements = 1 << 20;
  std::vector<TensorSpec> specs, halves;
  for (int i = 0; i < kTensors; ++i) {
    specs.push_back({"t" + std::to_string(i), ElementType::F32, {kElements}});
    halves.push_back({"t" + std::to_string(i), ElementType::BF16, {kElements}});
  }
  auto writer = SafetensorsWriter::create(path("w"), specs);
  ASSERT_OK(writer);
  for (const TensorSpec &spec : specs)
    ASSERT_OK(writer->write(spec.name, makeBlob(spec.type, spec.shape, 1)));
  ASSERT_OK(writer->commit());

  auto source = Safetensors::open(path("w"));
  ASSERT_OK(source);
  int64_t anonymous = readStatus("RssAnon"), mapped = readStatus("RssFile");
  auto target = SafetensorsWriter::create(path("w"), halves);
  ASSERT_OK(target);
  for (const TensorSpec &spec : halves) {
    Blob from = *source->getBlob(spec.name);
    Blob to = *Blob::allocate(spec.type, spec.shape);
    std::span<std::byte> bytes = *to.mutableBytes();
    for (int64_t i = 0; i < kElements; ++i)
      std::memcpy(&bytes[2 * i], &from.bytes()[4 * i + 2], 2);
    from.dropPages();
    ASSERT_OK(target->write(spec.name, to));
    EXPECT_LT(readStatus("RssAnon"), anonymous + (8 << 10));
    EXPECT_LT(readStatus("RssFile"), mapped + (8 << 10));
  }
  ASSERT_OK(target->commit());
  EXPECT_EQ(Safetensors::open(path("w"))->getBlob("t31")->getNumBytes(),
            uint64_t(2 * kElements));
}

} // namespace
