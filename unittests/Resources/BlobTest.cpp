//===- BlobTest.cpp -------------------------------------------------------===//

#include "Testing.h"

#include <atomic>
#include <thread>

using namespace mlir::dyn;
using testing::EndsWith;
using testing::HasSubstr;

// A lack of memory is an error to report here, not to stop at.
// NOLINTBEGIN(bugprone-reserved-identifier): the sanitizers give the names.
extern "C" const char *__asan_default_options() {
  return "allocator_may_return_null=1";
}
extern "C" const char *__tsan_default_options() {
  return "allocator_may_return_null=1";
}
// NOLINTEND(bugprone-reserved-identifier)

namespace {

class BlobTest : public FolderTest {
protected:
  std::shared_ptr<const MappedFile> map(std::string_view name,
                                        std::string_view contents) {
    return *MappedFile::open(write(name, contents));
  }
};

TEST(ElementTypeTest, NamesRoundTrip) {
  for (int i = 0; i <= static_cast<int>(ElementType::F64); ++i) {
    auto type = static_cast<ElementType>(i);
    EXPECT_EQ(parseSafetensorsName(getSafetensorsName(type)), type);
  }
  EXPECT_EQ(getName(ElementType::BF16), "bf16");
  EXPECT_EQ(getSafetensorsName(ElementType::I1), "BOOL");
  EXPECT_EQ(getByteWidth(ElementType::I1), 1u);
  EXPECT_EQ(getByteWidth(ElementType::F16), 2u);
  EXPECT_EQ(getByteWidth(ElementType::F64), 8u);
  EXPECT_EQ(parseSafetensorsName("F4"), std::nullopt);
}

TEST(ElementTypeTest, CountsBytes) {
  auto count = [](std::vector<int64_t> shape) {
    return computeNumBytes(ElementType::F32, shape);
  };
  EXPECT_EQ(count({}), 4u);
  EXPECT_EQ(count({0}), 0u);
  EXPECT_EQ(count({7, 1, 13}), 364u);
  EXPECT_EQ(count({-1}), std::nullopt);
  EXPECT_EQ(count({int64_t(1) << 61}), std::nullopt);
  EXPECT_EQ(count({(int64_t(1) << 61) - 1}), (uint64_t(1) << 63) - 4);
  // Strides of an empty tensor must not overflow either.
  EXPECT_EQ(count({0, int64_t(1) << 40, int64_t(1) << 40}), std::nullopt);
  EXPECT_EQ(formatTensorType(ElementType::U8, std::vector<int64_t>{2, 3}),
            "ui8 [2, 3]");
}

TEST_F(BlobTest, AbsentHasTypeAndShapeOnly) {
  Blob blob = *Blob::absent(ElementType::F16, {3, 5});
  EXPECT_TRUE(blob.isAbsent());
  EXPECT_EQ(blob.getNumBytes(), 30u);
  EXPECT_ERROR(blob.mutableBytes(), "f16 [3, 5]: its data is absent");
  EXPECT_ERROR(Blob::absent(ElementType::F16, {3, -5}),
               "f16 [3, -5]: expects sizes of at least 0, got -5");
  EXPECT_ERROR(Blob::absent(ElementType::F16, {INT64_MAX}),
               HasSubstr("more bytes than fit 63 bits"));
}

TEST_F(BlobTest, AllocatesZeros) {
  for (int64_t size : {0, 1, 7, 64, 16383, 65536, 1000003}) {
    Blob blob = *Blob::allocate(ElementType::U8, {size});
    EXPECT_FALSE(blob.isAbsent());
    EXPECT_EQ(blob.bytes().size(), static_cast<size_t>(size));
    EXPECT_GE(blob.alignment(), Blob::kDefaultAlignment);
    EXPECT_TRUE(std::all_of(blob.bytes().begin(), blob.bytes().end(),
                            [](std::byte b) { return b == std::byte(0); }));
  }
  EXPECT_EQ(Blob::allocate(ElementType::U8, {100}, 4096)->alignment(), 4096u);
}

TEST_F(BlobTest, RefusesMoreMemoryThanThereIs) {
  EXPECT_ERROR(Blob::allocate(ElementType::F64, {int64_t(1) << 58}),
               "f64 [288230376151711744]: needs 2305843009213693952 bytes of "
               "memory, more than the system gives");
}

TEST_F(BlobTest, SingleOwnerWritesInPlace) {
  Blob blob = *Blob::allocate(ElementType::U8, {100000});
  const std::byte *before = blob.bytes().data();
  EXPECT_EQ(blob.mutableBytes()->data(), before);
  Blob moved = std::move(blob);
  EXPECT_EQ(moved.mutableBytes()->data(), before);
  {
    std::vector<Blob> others(3, moved);
    EXPECT_EQ(others.back().bytes().data(), before);
  }
  EXPECT_EQ(moved.mutableBytes()->data(), before);
}

TEST_F(BlobTest, SharedMemoryIsCopiedBeforeAWrite) {
  for (int64_t size : {5, 100000}) {
    Blob blob = *Blob::allocate(ElementType::U8, {size});
    (*blob.mutableBytes())[0] = std::byte(1);
    Blob other = blob;
    (*other.mutableBytes())[0] = std::byte(2);
    EXPECT_EQ(blob.bytes()[0], std::byte(1));
    EXPECT_EQ(other.bytes()[0], std::byte(2));
    EXPECT_NE(blob.bytes().data(), other.bytes().data());
    EXPECT_EQ(other.bytes()[1], std::byte(0));
  }
}

TEST_F(BlobTest, SliceReadsTheFile) {
  auto file = map("w", "0123456789");
  Blob blob = *Blob::slice(file, 2, ElementType::U8, {2, 3});
  EXPECT_EQ(toString(blob.bytes()), "234567");
  EXPECT_EQ(blob.getFile(), file);
  EXPECT_EQ(blob.getFileOffset(), 2u);
  EXPECT_EQ(blob.alignment(), 2u);
  EXPECT_EQ(Blob::slice(file, 10, ElementType::F32, {0})->bytes().size(), 0u);
  EXPECT_ERROR(
      Blob::slice(file, 5, ElementType::F16, {3}),
      EndsWith("w: f16 [3] takes 6 bytes from byte 5 on, the file ends at 10"));
  EXPECT_ERROR(Blob::slice(file, UINT64_MAX, ElementType::U8, {1}),
               HasSubstr("the file ends at 10"));
  EXPECT_ERROR(Blob::slice(file, 0, ElementType::U8, {-1}),
               EndsWith("expects sizes of at least 0, got -1"));
}

TEST_F(BlobTest, WritingASliceChangesNeitherFileNorOtherBlobs) {
  // Copied, and mapped anew; at the start of a page and not.
  for (uint64_t offset : {0, 8, 8192}) {
    for (int64_t size : {3, 100000}) {
      auto file = map("w", std::string(200000, 'x'));
      Blob blob = *Blob::slice(file, offset, ElementType::U8, {size});
      Blob other = blob;
      std::span<std::byte> bytes = *blob.mutableBytes();
      bytes.front() = bytes.back() = std::byte('y');
      EXPECT_EQ(blob.getFile(), nullptr);
      EXPECT_EQ(toString(blob.bytes()), "y" + std::string(size - 2, 'x') + "y");
      EXPECT_EQ(toString(other.bytes()), std::string(size, 'x'));
      EXPECT_EQ(read("w"), std::string(200000, 'x'));
      EXPECT_EQ(blob.mutableBytes()->data(), bytes.data());
    }
  }
}

TEST_F(BlobTest, MutableSliceIsAligned) {
  auto file = map("w", std::string(100000, 'x'));
  Blob blob = *Blob::slice(file, 1, ElementType::F64, {10000});
  EXPECT_EQ(blob.alignment(), 1u);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(blob.mutableBytes()->data()) % 8, 0u);
  EXPECT_EQ(toString(blob.bytes()), std::string(80000, 'x'));
}

TEST_F(BlobTest, MutableSliceSurvivesReplacementOfTheFile) {
  auto file = map("w", std::string(100000, 'x'));
  Blob blob = *Blob::slice(file, 0, ElementType::U8, {100000});
  write("new", std::string(100000, 'n'));
  std::filesystem::rename(path("new"), path("w"));
  EXPECT_EQ(toString(blob.bytes()), std::string(100000, 'x'));
  (*blob.mutableBytes())[0] = std::byte('y');
  EXPECT_EQ(toString(blob.bytes()), "y" + std::string(99999, 'x'));
}

TEST_F(BlobTest, BorrowedBytesAreReleasedOnceAndNeverWritten) {
  const std::string data = "abcdef";
  int released = 0;
  {
    Blob blob =
        *Blob::borrow(toBytes(data), ElementType::U8, {6}, [&] { ++released; });
    EXPECT_EQ(blob.bytes().data(), toBytes(data).data());
    Blob other = blob;
    (*other.mutableBytes())[0] = std::byte('x');
    EXPECT_EQ(toString(other.bytes()), "xbcdef");
    EXPECT_EQ(released, 0);
    (*blob.mutableBytes())[0] = std::byte('y');
    EXPECT_EQ(released, 1);
  }
  EXPECT_EQ(released, 1);
  EXPECT_EQ(data, "abcdef");
  EXPECT_ERROR(
      Blob::borrow(toBytes(data), ElementType::F32, {2}, [&] { ++released; }),
      "f32 [2]: has 8 bytes, got 6");
  EXPECT_EQ(released, 2);
}

TEST_F(BlobTest, ReinterpretSharesBytes) {
  Blob blob = *Blob::allocate(ElementType::F32, {2, 3});
  Blob other = *blob.reinterpret(ElementType::U8, {24});
  EXPECT_EQ(other.bytes().data(), blob.bytes().data());
  EXPECT_NE(other.mutableBytes()->data(), blob.bytes().data());
  EXPECT_ERROR(blob.reinterpret(ElementType::F16, {11}),
               "f16 [11]: has 22 bytes, got the 24 of f32 [2, 3]");
  // A slice that starts at any byte, seen as wider elements, is moved for
  // writing.
  auto file = map("w", std::string(100000, 'x'));
  Blob slice = *Blob::slice(file, 4, ElementType::U8, {80000});
  (void)slice.mutableBytes();
  Blob wide = *slice.reinterpret(ElementType::F64, {10000});
  slice = Blob();
  EXPECT_EQ(reinterpret_cast<uintptr_t>(wide.mutableBytes()->data()) % 8, 0u);
}

TEST_F(BlobTest, MemoryFallsWithTheLastOwner) {
  if (kSanitized)
    GTEST_SKIP() << "a sanitizer's memory is not ours";
  constexpr int64_t kBytes = 64 << 20;
  int64_t before = readStatus("RssAnon");
  Blob blob = *Blob::allocate(ElementType::U8, {kBytes});
  std::ranges::fill(*blob.mutableBytes(), std::byte(1));
  Blob other = blob;
  blob = Blob();
  EXPECT_GT(readStatus("RssAnon"), before + (60 << 10));
  other = Blob();
  EXPECT_LT(readStatus("RssAnon"), before + (4 << 10));
}

TEST_F(BlobTest, MappedPagesFallWithTheLastOwnerOrOnRequest) {
  if (kSanitized)
    GTEST_SKIP() << "a sanitizer's memory is not ours";
  constexpr int64_t kBytes = 64 << 20;
  write("w", "");
  std::filesystem::resize_file(path("w"), kBytes);
  auto sum = [](std::span<const std::byte> bytes) {
    unsigned total = 0;
    for (std::byte byte : bytes)
      total += std::to_integer<unsigned>(byte);
    return total;
  };
  int64_t before = readStatus("RssFile");
  Blob blob =
      *Blob::slice(*MappedFile::open(path("w")), 0, ElementType::U8, {kBytes});
  EXPECT_LT(readStatus("RssFile"), before + (1 << 10));
  EXPECT_EQ(sum(blob.bytes()), 0u);
  EXPECT_GT(readStatus("RssFile"), before + (60 << 10));
  blob.dropPages();
  EXPECT_LT(readStatus("RssFile"), before + (1 << 10));
  EXPECT_EQ(sum(blob.bytes()), 0u);

  // Changing a few bytes costs a few pages.
  int64_t anonymous = readStatus("RssAnon");
  std::span<std::byte> bytes = *blob.mutableBytes();
  for (int64_t i = 0; i < kBytes; i += kBytes / 16)
    bytes[i] = std::byte(1);
  EXPECT_LT(readStatus("RssAnon"), anonymous + (1 << 10));
  EXPECT_EQ(sum(blob.bytes()), 16u);
  blob = Blob();
  EXPECT_LT(readStatus("RssFile"), before + (1 << 10));
}

// Under ThreadSanitizer: a write in place comes after the last read of an owner
// that is gone. Nothing but the count orders the two threads.
TEST_F(BlobTest, WritingInPlaceComesAfterOtherOwnersReads) {
  for (int64_t size : {64, 100000}) {
    Blob blob = *Blob::allocate(ElementType::U8, {size});
    const std::byte *before = blob.bytes().data();
    std::atomic<bool> isReleased = false;
    std::thread reader([other = blob, &isReleased]() mutable {
      EXPECT_EQ(other.bytes().back(), std::byte(0));
      other = Blob();
      isReleased.store(true, std::memory_order_relaxed);
    });
    while (!isReleased.load(std::memory_order_relaxed))
      std::this_thread::yield();
    std::span<std::byte> bytes = *blob.mutableBytes();
    EXPECT_EQ(bytes.data(), before);
    bytes.back() = std::byte(1);
    reader.join();
  }
}

TEST_F(BlobTest, ThreadsShareAndGiveUp) {
  for (int64_t size : {64, 100000}) {
    for (int round = 0; round < 200; ++round) {
      Blob blob = *Blob::allocate(ElementType::U8, {size});
      std::ranges::fill(*blob.mutableBytes(), std::byte(7));
      std::vector<std::thread> threads;
      threads.reserve(4);
      for (int i = 0; i < 4; ++i) {
        threads.emplace_back([mine = blob, i]() mutable {
          Blob copy = mine;
          EXPECT_EQ(copy.bytes()[i], std::byte(7));
          copy = Blob();
          std::span<std::byte> bytes = *mine.mutableBytes();
          EXPECT_EQ(bytes[i], std::byte(7));
          std::ranges::fill(bytes, std::byte(i));
          EXPECT_EQ(mine.bytes().back(), std::byte(i));
        });
      }
      blob = Blob();
      for (std::thread &thread : threads)
        thread.join();
    }
  }
}

TEST_F(BlobTest, ThreadsShareAMapping) {
  std::weak_ptr<const MappedFile> mapping;
  {
    auto file = map("w", std::string(100000, 'x'));
    mapping = file;
    std::vector<std::thread> threads;
    threads.reserve(8);
    for (uint64_t i = 0; i < 8; ++i) {
      threads.emplace_back([file, i] {
        for (int round = 0; round < 50; ++round) {
          Blob blob = *Blob::slice(file, i * 8, ElementType::U8, {70000});
          Blob other = blob;
          (*blob.mutableBytes())[round] = std::byte(i);
          EXPECT_EQ(other.bytes()[round], std::byte('x'));
        }
      });
    }
    file.reset();
    for (std::thread &thread : threads)
      thread.join();
  }
  EXPECT_TRUE(mapping.expired());
}

} // namespace
