//===- WeightLocationTest.cpp ---------------------------------------------===//

#include "Dyn/Resources/WeightLocation.h"
#include "Testing.h"

#include <sys/stat.h>
#include <thread>

using namespace mlir::dyn;
using testing::EndsWith;
using testing::HasSubstr;

namespace {

/// A model's folder, `model`, with weights in it, and files beside that are
/// none of its business.
class WeightLocationTest : public FolderTest {
protected:
  void SetUp() override {
    FolderTest::SetUp();
    std::filesystem::create_directories(folder / "model/sub");
    std::filesystem::create_directories(folder / "model-other");
    std::filesystem::create_directories(folder / "store");
    write("model/w.bin", "0123456789");
    write("model/sub/w.bin", "sub");
    write("model-other/w.bin", "other");
    write("store/blob", "store");
    write("model/w.safetensors",
          makeSafetensors(
              R"({"t":{"dtype":"I16","shape":[2,2],"data_offsets":[0,8]}})",
              "01234567"));
    std::filesystem::create_symlink("../store/blob", folder / "model/leaves");
    std::filesystem::create_symlink("w.bin", folder / "model/stays");
    std::filesystem::create_symlink("../store", folder / "model/folder-leaves");
    std::filesystem::create_symlink("loop", folder / "model/loop");
    folders.model = path("model");
  }

  Result<Blob> open(const WeightLocation &location, ElementType type,
                    std::vector<int64_t> shape) {
    return openWeight(cache, folders, location, type, std::move(shape));
  }

  WeightFolders folders;
  FileCache cache;
};

TEST_F(WeightLocationTest, FindsFilesInTheModelsFolder) {
  for (const char *name : {"w.bin", "./w.bin", "sub/../w.bin", "sub/w.bin",
                           "stays", "../model/w.bin"}) {
    auto found = resolveWeightFile(name, folders);
    ASSERT_OK(found);
    EXPECT_THAT(*found, EndsWith("w.bin"));
  }
  EXPECT_EQ(*resolveWeightFile("stays", folders), path("model/w.bin"));
}

TEST_F(WeightLocationTest, AnEmptyFolderIsTheWorkingDirectory) {
  std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(folder / "model");
  auto found = resolveWeightFile("w.bin", {});
  std::filesystem::current_path(before);
  ASSERT_OK(found);
  EXPECT_EQ(*found, path("model/w.bin"));
}

TEST_F(WeightLocationTest, StaysInTheModelsFolder) {
  auto outside = [&](const std::string &target, const std::string &folder) {
    return "leads to " + path(target) + ", outside the model's folder " +
           path("model") + "; to allow it, pass --weights-dir=" + path(folder);
  };
  EXPECT_ERROR(resolveWeightFile("../store/blob", folders),
               "../store/blob: " + outside("store/blob", "store"));
  EXPECT_ERROR(resolveWeightFile("leaves", folders),
               "leaves: " + outside("store/blob", "store"));
  EXPECT_ERROR(resolveWeightFile("folder-leaves/blob", folders),
               "folder-leaves/blob: " + outside("store/blob", "store"));
  EXPECT_ERROR(resolveWeightFile("sub/../../model-other/w.bin", folders),
               HasSubstr(outside("model-other/w.bin", "model-other")));
  EXPECT_ERROR(resolveWeightFile("..", folders),
               HasSubstr("outside the model's folder"));
  EXPECT_ERROR(resolveWeightFile(path("model/w.bin"), folders),
               path("model/w.bin") +
                   ": an absolute path is not followed; to allow it, pass "
                   "--weights-dir=" +
                   path("model"));
  EXPECT_ERROR(resolveWeightFile("/etc/passwd", folders),
               HasSubstr("an absolute path is not followed"));
}

TEST_F(WeightLocationTest, WeightsDirAllowsWhatItNames) {
  folders.weightsDir = path("store");
  for (const std::string name :
       {"leaves", "../store/blob", "folder-leaves/blob", "blob"}) {
    auto found = resolveWeightFile(name, folders);
    ASSERT_OK(found);
    EXPECT_EQ(*found, path("store/blob"));
  }
  EXPECT_EQ(*resolveWeightFile(path("store/blob"), folders),
            path("store/blob"));
  EXPECT_EQ(*resolveWeightFile("w.bin", folders), path("model/w.bin"));
  EXPECT_ERROR(resolveWeightFile("../model-other/w.bin", folders),
               HasSubstr("outside the model's folder"));
  EXPECT_ERROR(resolveWeightFile("/etc/passwd", folders),
               HasSubstr("outside the model's folder"));
  write("store/w.bin", "mine");
  EXPECT_EQ(*resolveWeightFile("w.bin", folders), path("store/w.bin"));
}

TEST_F(WeightLocationTest, NamesWhatIsMissing) {
  EXPECT_ERROR(resolveWeightFile("none", folders),
               "none: there is no such file in " + path("model"));
  EXPECT_ERROR(resolveWeightFile("w.bin/none", folders),
               "w.bin/none: there is no such file in " + path("model"));
  EXPECT_ERROR(resolveWeightFile("", folders),
               "'': is no name of a weights file");
  EXPECT_ERROR(resolveWeightFile(std::string_view("w\0bin", 5), folders),
               "'w?bin': is no name of a weights file");
  EXPECT_ERROR(resolveWeightFile("loop", folders),
               "loop: too many levels of symbolic links");
  folders.weightsDir = path("store");
  EXPECT_ERROR(resolveWeightFile("none", folders),
               "none: there is no such file in " + path("store") + " or " +
                   path("model"));
  folders.weightsDir = path("nowhere");
  EXPECT_ERROR(
      resolveWeightFile("w.bin", folders),
      path("nowhere") +
          ": cannot be searched for weights: no such file or directory");
}

TEST_F(WeightLocationTest, OpensRanges) {
  auto blob = open({"w.bin", {}, 2, 6}, ElementType::U8, {2, 3});
  ASSERT_OK(blob);
  EXPECT_EQ(toString(blob->bytes()), "234567");
  EXPECT_ERROR(open({"w.bin", {}, -1, 6}, ElementType::U8, {6}),
               "w.bin: a weight of 6 bytes from byte -1 on is referred to, "
               "expected numbers of at least 0");
  EXPECT_ERROR(open({"w.bin", {}, 0, -6}, ElementType::U8, {6}),
               HasSubstr("expected numbers of at least 0"));
  EXPECT_ERROR(open({"w.bin", {}, 0, 6}, ElementType::F32, {2}),
               "w.bin: a weight of 6 bytes from byte 0 on is referred to, but "
               "f32 [2] has 8");
  EXPECT_ERROR(
      open({"w.bin", {}, 5, 6}, ElementType::U8, {6}),
      path("model/w.bin") +
          ": ui8 [6] takes 6 bytes from byte 5 on, the file ends at 10");
  EXPECT_ERROR(open({"w.bin", {}, INT64_MAX, 6}, ElementType::U8, {6}),
               EndsWith("the file ends at 10"));
  EXPECT_ERROR(open({"w.bin", {}, 0, 6}, ElementType::U8, {INT64_MAX, 3}),
               EndsWith("more bytes than fit 63 bits"));
  EXPECT_ERROR(open({"sub", {}, 0, 6}, ElementType::U8, {6}),
               path("model/sub") + ": is a directory, expected a regular file");
  ASSERT_EQ(::mkfifo(path("model/fifo").c_str(), 0600), 0);
  EXPECT_ERROR(open({"fifo", {}, 0, 6}, ElementType::U8, {6}),
               EndsWith("is a FIFO, expected a regular file"));
}

TEST_F(WeightLocationTest, OpensTensors) {
  auto blob = open({"w.safetensors", "t"}, ElementType::I16, {2, 2});
  ASSERT_OK(blob);
  EXPECT_EQ(toString(blob->bytes()), "01234567");
  std::string prefix = path("model/w.safetensors") + ": ";
  EXPECT_ERROR(open({"w.safetensors", "t"}, ElementType::F16, {2, 2}),
               prefix + "tensor 't' is i16 [2, 2], expected f16 [2, 2]");
  EXPECT_ERROR(open({"w.safetensors", "t"}, ElementType::I16, {4}),
               prefix + "tensor 't' is i16 [2, 2], expected i16 [4]");
  EXPECT_ERROR(open({"w.safetensors", "u"}, ElementType::I16, {4}),
               prefix + "has no tensor 'u'");
  EXPECT_ERROR(open({"w.bin", "t"}, ElementType::I16, {4}),
               HasSubstr("w.bin: is no safetensors file"));
  EXPECT_EQ(formatLocation({"w.safetensors", "t"}),
            "w.safetensors: tensor 't'");
  EXPECT_EQ(formatLocation({"w.bin", {}, 4096, 8}),
            "w.bin: 8 bytes from byte 4096 on");
}

TEST_F(WeightLocationTest, OneFileIsMappedAndReadOnce) {
  auto first = *open({"w.safetensors", "t"}, ElementType::I16, {2, 2});
  auto second = *open({"sub/../w.safetensors", "t"}, ElementType::I16, {2, 2});
  EXPECT_EQ(first.getFile(), second.getFile());
  auto index = cache.openSafetensors("w.safetensors", folders)->getIndex();
  EXPECT_EQ(cache.openSafetensors("w.safetensors", folders)->getIndex(), index);

  // The cache keeps the index, not the mapping.
  std::weak_ptr<const MappedFile> mapping = first.getFile();
  first = second = Blob();
  EXPECT_TRUE(mapping.expired());
  EXPECT_EQ(cache.openSafetensors("w.safetensors", folders)->getIndex(), index);
}

TEST_F(WeightLocationTest, AReplacedFileIsSeenOnceTheOldOneIsGone) {
  auto replace = [&](std::string_view data) {
    write(
        "new",
        makeSafetensors(
            R"({"t":{"dtype":"I16","shape":[4],"data_offsets":[0,8]}})", data));
    std::filesystem::rename(path("new"), path("model/w.safetensors"));
  };
  auto old = *open({"w.safetensors", "t"}, ElementType::I16, {2, 2});
  replace("abcdefgh");
  EXPECT_EQ(
      toString(open({"w.safetensors", "t"}, ElementType::I16, {2, 2})->bytes()),
      "01234567");
  old = Blob();
  EXPECT_EQ(
      toString(open({"w.safetensors", "t"}, ElementType::I16, {4})->bytes()),
      "abcdefgh");

  old = *open({"w.safetensors", "t"}, ElementType::I16, {4});
  replace("ABCDEFGH");
  cache.clear();
  EXPECT_EQ(
      toString(open({"w.safetensors", "t"}, ElementType::I16, {4})->bytes()),
      "ABCDEFGH");
  EXPECT_EQ(toString(old.bytes()), "abcdefgh");
}

TEST_F(WeightLocationTest, ThreadsShareACache) {
  std::vector<std::thread> threads;
  threads.reserve(8);
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 100; ++round) {
        EXPECT_EQ(
            toString(open({"w.safetensors", "t"}, ElementType::I16, {2, 2})
                         ->bytes()),
            "01234567");
        EXPECT_EQ(
            toString(open({"w.bin", {}, round % 5, 4}, ElementType::U8, {4})
                         ->bytes()),
            std::string("0123456789").substr(round % 5, 4));
        if (round % 10 == 9)
          cache.clear();
      }
    });
  }
  for (std::thread &thread : threads)
    thread.join();
}

} // namespace
