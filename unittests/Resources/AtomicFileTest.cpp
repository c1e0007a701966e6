//===- AtomicFileTest.cpp -------------------------------------------------===//

#include "Dyn/Resources/AtomicFile.h"
#include "Testing.h"

#include <chrono>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace mlir::dyn;
using testing::AllOf;
using testing::AnyOf;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;

/// Writes `contents` to `path` in two pieces.
static Result<> writeAtomically(const std::string &path,
                                std::string_view contents) {
  Result<AtomicFile> file = AtomicFile::create(path, contents.size());
  if (!file)
    return file.error();
  size_t half = contents.size() / 2;
  if (Result<> done = file->write(half, toBytes(contents.substr(half))); !done)
    return done;
  if (Result<> done = file->write(0, toBytes(contents.substr(0, half))); !done)
    return done;
  return file->commit();
}

namespace {

class AtomicFileTest : public FolderTest {
protected:
  /// Runs `body` in a process of its own, for what cannot be undone; it returns
  /// what is wrong, or nothing.
  static std::string runInChild(const std::function<std::string()> &body) {
    int pipe[2];
    EXPECT_EQ(::pipe(pipe), 0);
    pid_t child = ::fork();
    if (child == 0) {
      std::string wrong = body();
      (void)!::write(pipe[1], wrong.data(), wrong.size());
      ::_exit(0);
    }
    ::close(pipe[1]);
    std::string wrong;
    char buffer[1000];
    for (ssize_t count; (count = ::read(pipe[0], buffer, sizeof(buffer))) > 0;)
      wrong.append(buffer, static_cast<size_t>(count));
    ::close(pipe[0]);
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    return status == 0
               ? wrong
               : "the process ended with status " + std::to_string(status);
  }

  /// Mounts a file system of its own on the folder, for this process and to its
  /// end.
  bool mountHere(const char *options, unsigned long flags = 0) const {
    return ::unshare(CLONE_NEWNS) == 0 &&
           ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
           ::mount("tmpfs", folder.c_str(), "tmpfs", flags, options) == 0;
  }
};

TEST_F(AtomicFileTest, CreatesAndReplaces) {
  for (std::string contents : {"first", "", "the third is longer"}) {
    ASSERT_OK(writeAtomically(path("w"), contents));
    EXPECT_EQ(read("w"), contents);
    EXPECT_THAT(list(), ElementsAre("w"));
  }
}

TEST_F(AtomicFileTest, AppearsWithCommitOnly) {
  write("w", "old");
  {
    auto file = AtomicFile::create(path("w"), 3);
    ASSERT_OK(file);
    ASSERT_OK(file->write(0, toBytes("new")));
    EXPECT_EQ(read("w"), "old");
  }
  EXPECT_EQ(read("w"), "old");
  EXPECT_THAT(list(), ElementsAre("w"));
}

TEST_F(AtomicFileTest, GrowsWithWhatIsWritten) {
  write("w", "old");
  auto file = AtomicFile::create(path("w"));
  ASSERT_OK(file);
  ASSERT_OK(file->write(0, toBytes("new ")));
  ASSERT_OK(file->write(4, toBytes("contents")));
  EXPECT_EQ(read("w"), "old");
  EXPECT_THAT(list(), ElementsAre("w"));
  ASSERT_OK(file->commit());
  EXPECT_EQ(read("w"), "new contents");
}

// Pieces that follow each other are gathered to blocks: here they are shorter
// and longer than one, end on its border, and leave a gap that is filled later.
TEST_F(AtomicFileTest, WritesPiecesOfAnySize) {
  constexpr size_t kBlock = 2 << 20;
  std::string contents(7 * kBlock + 12345, '\0');
  for (size_t i = 0; i < contents.size(); ++i)
    contents[i] = static_cast<char>(i * 7 + i / 251);
  std::string_view view = contents;
  auto file = AtomicFile::create(path("w"), contents.size());
  ASSERT_OK(file);
  auto write = [&](size_t begin, size_t end) {
    ASSERT_OK(file->write(begin, toBytes(view.substr(begin, end - begin))));
  };
  constexpr size_t kBorders[] = {0,
                                 1,
                                 1,
                                 4097,
                                 kBlock,
                                 kBlock + 3,
                                 3 * kBlock - 1,
                                 3 * kBlock,
                                 5 * kBlock,
                                 5 * kBlock + 77};
  for (size_t i = 1; i < std::size(kBorders); ++i)
    write(kBorders[i - 1], kBorders[i]);
  write(6 * kBlock + 5, contents.size());
  write(5 * kBlock + 77, 6 * kBlock + 5);
  write(kBlock - 1, kBlock + 1);
  ASSERT_OK(file->commit());
  EXPECT_TRUE(read("w") == contents);
}

TEST_F(AtomicFileTest, GrowsToTheLimitOfTheProcess) {
  std::string wrong = runInChild([&]() -> std::string {
    struct rlimit limit = {100, 100};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0)
      return "there is no limit";
    auto file = AtomicFile::create(path("w"));
    if (!file || !file->write(0, toBytes(std::string(100, 'x'))))
      return "what is allowed fails";
    Result<> beyond = file->write(100, toBytes("x"));
    return beyond ? "there is no error" : beyond.error().message();
  });
  EXPECT_EQ(wrong, path("w") + ": needs at least 101 bytes, the process may "
                               "write files of at most 100 (ulimit -f)");
  EXPECT_THAT(list(), IsEmpty());
}

TEST_F(AtomicFileTest, ReplacesLinksAndIgnoresTheWorkingDirectory) {
  write("data", "data");
  std::filesystem::create_symlink("data", path("link"));
  std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(folder);
  auto file = AtomicFile::create("link", 3);
  std::filesystem::current_path(before);
  ASSERT_OK(file);
  ASSERT_OK(file->write(0, toBytes("new")));
  ASSERT_OK(file->commit());
  EXPECT_EQ(read("link"), "new");
  EXPECT_EQ(read("data"), "data");
}

TEST_F(AtomicFileTest, RefusesOtherTargets) {
  auto create = [&](const std::string &path) {
    return AtomicFile::create(path, 10);
  };
  EXPECT_ERROR(
      create(path("none/w")),
      path("none/w") +
          ": cannot be written: its folder: no such file or directory");
  std::filesystem::create_directory(path("folder"));
  EXPECT_ERROR(create(path("folder")),
               path("folder") +
                   ": is a directory, expected a regular file or none");
  ASSERT_EQ(::mkfifo(path("fifo").c_str(), 0600), 0);
  EXPECT_ERROR(create(path("fifo")),
               EndsWith("is a FIFO, expected a regular file or none"));
  EXPECT_ERROR(create("/dev/null"),
               EndsWith("is a device, expected a regular file or none"));
  EXPECT_ERROR(create(""), "'': is no name of a file to write");
  EXPECT_ERROR(create(path("folder/")),
               EndsWith("is no name of a file to write"));
  EXPECT_ERROR(create(path("folder/..")),
               EndsWith("is no name of a file to write"));
  EXPECT_THAT(list(), ElementsAre("fifo", "folder"));
}

TEST_F(AtomicFileTest, RefusesMoreThanTheFileSystemHas) {
  write("w", "old");
  EXPECT_ERROR(
      AtomicFile::create(path("w"), uint64_t(1) << 50),
      AllOf(
          HasSubstr("w: "),
          AnyOf(HasSubstr("needs 1125899906842624 bytes, its file system has "),
                HasSubstr("file too large"))));
  EXPECT_ERROR(AtomicFile::create(path("w"), UINT64_MAX),
               HasSubstr("file too large"));
  EXPECT_EQ(read("w"), "old");
  EXPECT_THAT(list(), ElementsAre("w"));
}

TEST_F(AtomicFileTest, RefusesMoreThanTheProcessMayWrite) {
  EXPECT_EQ(runInChild([&]() -> std::string {
              struct rlimit limit = {1000, 1000};
              ::setrlimit(RLIMIT_FSIZE, &limit);
              Result<> written =
                  writeAtomically(path("w"), std::string(1001, 'x'));
              return written ? "written" : written.error().message();
            }),
            path("w") + ": needs 1001 bytes, the process may write files of at "
                        "most 1000 (ulimit -f)");
  EXPECT_THAT(list(), IsEmpty());
}

TEST_F(AtomicFileTest, ReportsAFullFileSystem) {
  std::string wrong = runInChild([&]() -> std::string {
    if (!mountHere("size=64k"))
      return "skipped";
    Result<> small = writeAtomically(path("w"), "small");
    if (!small)
      return small.error().message();
    Result<> large = writeAtomically(path("w"), std::string(100000, 'x'));
    if (read("w") != "small" || list() != std::vector<std::string>{"w"})
      return "the old file is damaged, or there is litter";
    return large ? "written" : large.error().message();
  });
  if (wrong == "skipped")
    GTEST_SKIP() << "no permission to mount a file system";
  EXPECT_EQ(wrong,
            path("w") + ": needs 100000 bytes, its file system has 61440 free");
}

// Where files without a name cannot be had, or cannot be named later.
TEST_F(AtomicFileTest, WorksWithTemporaryNames) {
  std::string wrong = runInChild([&]() -> std::string {
    if (!mountHere("size=64k") ||
        ::mount("tmpfs", "/proc", "tmpfs", 0, "") != 0)
      return "skipped";
    for (std::string contents : {"first", "second"}) {
      if (Result<> done = writeAtomically(path("w"), contents); !done)
        return done.error().message();
      if (read("w") != contents || list() != std::vector<std::string>{"w"})
        return "the file is not as written, or there is litter";
    }
    {
      Result<AtomicFile> file = AtomicFile::create(path("w"), 3);
      if (!file || list().size() != 2)
        return "no temporary file";
    }
    if (AtomicFile::create(path("w"), 100000))
      return "more was reserved than there is";
    return list() == std::vector<std::string>{"w"} ? "" : "there is litter";
  });
  if (wrong == "skipped")
    GTEST_SKIP() << "no permission to mount a file system";
  EXPECT_EQ(wrong, "");
}

TEST_F(AtomicFileTest, ReportsReadOnlyMedia) {
  std::string wrong = runInChild([&]() -> std::string {
    if (!mountHere("size=64k", MS_RDONLY))
      return "skipped";
    Result<> written = writeAtomically(path("w"), "new");
    return written ? "written" : written.error().message();
  });
  if (wrong == "skipped")
    GTEST_SKIP() << "no permission to mount a file system";
  EXPECT_EQ(wrong, path("w") + ": cannot be written: read-only file system");
}

TEST_F(AtomicFileTest, ReportsMissingPermission) {
  auto tryAsNobody = [&] {
    return runInChild([&]() -> std::string {
      // By a relative name, since the folders above may be closed to others.
      if (::chdir(folder.c_str()) != 0 ||
          (::getuid() == 0 && ::setuid(65534) != 0))
        return "cannot become somebody else";
      Result<> written = writeAtomically("w", "new");
      return written ? "written" : written.error().message();
    });
  };
  write("w", "old");
  ASSERT_EQ(::chmod(path("w").c_str(), 0444), 0);
  ASSERT_EQ(::chmod(folder.c_str(), 0777), 0);
  EXPECT_EQ(tryAsNobody(), "w: cannot be written: permission denied");
  ASSERT_EQ(::chmod(path("w").c_str(), 0666), 0);
  ASSERT_EQ(::chmod(folder.c_str(), 0555), 0);
  EXPECT_EQ(tryAsNobody(), "w: cannot be written: permission denied");
  EXPECT_EQ(read("w"), "old");
  EXPECT_THAT(list(), ElementsAre("w"));
}

TEST_F(AtomicFileTest, TwoWritersLastCommitWins) {
  auto first = AtomicFile::create(path("w"), 5);
  auto second = AtomicFile::create(path("w"), 6);
  ASSERT_OK(first->write(0, toBytes("first")));
  ASSERT_OK(second->write(0, toBytes("second")));
  ASSERT_OK(second->commit());
  EXPECT_EQ(read("w"), "second");
  ASSERT_OK(first->commit());
  EXPECT_EQ(read("w"), "first");
  EXPECT_THAT(list(), ElementsAre("w"));
}

TEST_F(AtomicFileTest, KilledWriterLeavesOldOrNew) {
  constexpr size_t kBytes = 300000;
  ASSERT_OK(writeAtomically(path("w"), std::string(kBytes, 'a')));
  size_t replaced = 0;
  // Longer only if the machine is too busy for a first write.
  for (int round = 0; round < 40 || (replaced == 0 && round < 400); ++round) {
    pid_t child = ::fork();
    if (child == 0) {
      for (char letter = 'a';;
           letter = letter == 'z' ? 'a' : static_cast<char>(letter + 1))
        if (!writeAtomically(path("w"), std::string(kBytes, letter)))
          ::_exit(1);
    }
    std::this_thread::sleep_for(
        std::chrono::microseconds(1000 + 1237 * (round % 100)));
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "a write failed";
    std::string contents = read("w");
    ASSERT_EQ(contents.size(), kBytes);
    ASSERT_EQ(contents.find_first_not_of(contents[0]), std::string::npos);
    replaced += contents[0] != 'a';
  }
  EXPECT_GT(replaced, 0u)
      << "no write was fast enough to be killed after the first";
}

TEST_F(AtomicFileTest, CopiesFromAMappedFile) {
  std::string contents(20 << 20, '\0');
  for (size_t i = 0; i < contents.size(); ++i)
    contents[i] = static_cast<char>(i * 7 + i / 251);
  write("source", contents);
  // The second time the kernel has no file of that name to copy from.
  for (bool isReplaced : {false, true}) {
    SCOPED_TRACE(isReplaced);
    auto source = MappedFile::open(path("source"));
    ASSERT_OK(source);
    if (isReplaced) {
      write("new", "another file");
      std::filesystem::rename(path("new"), path("source"));
    }
    Result<AtomicFile> file =
        AtomicFile::create(path("target"), contents.size() + 3);
    ASSERT_OK(file);
    ASSERT_OK(file->write(0, toBytes("abc")));
    ASSERT_OK(file->copy(3, **source, 0, 12345));
    ASSERT_OK(file->copy(3 + 12345, **source, 12345, contents.size() - 12345));
    ASSERT_OK(file->commit(/*waitForDisk=*/false));
    EXPECT_TRUE(read("target") == "abc" + contents);
  }
}

TEST_F(AtomicFileTest, CopiesOntoItsOwnSource) {
  write("file", "0123456789");
  auto source = MappedFile::open(path("file"));
  ASSERT_OK(source);
  Result<AtomicFile> file = AtomicFile::create(path("file"), 10);
  ASSERT_OK(file);
  ASSERT_OK(file->copy(0, **source, 5, 5));
  ASSERT_OK(file->copy(5, **source, 0, 5));
  ASSERT_OK(file->commit());
  EXPECT_EQ(read("file"), "5678901234");
}

} // namespace
