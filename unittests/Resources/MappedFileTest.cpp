//===- MappedFileTest.cpp -------------------------------------------------===//

#include "Dyn/Resources/AtomicFile.h"
#include "Testing.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace mlir::dyn;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

namespace {

using MappedFileTest = FolderTest;

TEST_F(MappedFileTest, MapsWholeFiles) {
  for (size_t size : {0, 1, 4095, 4096, 4097, 100000}) {
    std::string contents(size, 'a');
    auto file = MappedFile::open(write("w", contents));
    ASSERT_OK(file);
    EXPECT_EQ((*file)->size(), size);
    EXPECT_EQ(toString((*file)->bytes()), contents);
    EXPECT_EQ((*file)->getPath(), path("w"));
    EXPECT_EQ((*file)->getIdentity().size, size);
  }
}

TEST_F(MappedFileTest, KeepsNoFileDescriptor) {
  auto count = [] {
    std::filesystem::directory_iterator open("/proc/self/fd");
    return std::distance(begin(open), end(open));
  };
  auto before = count();
  auto file = *MappedFile::open(write("w", std::string(100000, 'a')));
  Blob blob = *Blob::slice(file, 0, ElementType::U8, {100000});
  ASSERT_OK(blob.mutableBytes());
  EXPECT_EQ(count(), before);
}

TEST_F(MappedFileTest, RefusesWhatIsNoRegularFile) {
  EXPECT_ERROR(MappedFile::open(path("none")),
               path("none") + ": no such file or directory");
  EXPECT_ERROR(MappedFile::open(path("")),
               EndsWith(": is a directory, expected a regular file"));
  ASSERT_EQ(::mkfifo(path("fifo").c_str(), 0600), 0);
  EXPECT_ERROR(MappedFile::open(path("fifo")),
               EndsWith("fifo: is a FIFO, expected a regular file"));
  EXPECT_ERROR(MappedFile::open("/dev/zero"),
               "/dev/zero: is a device, expected a regular file");
  int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = {}};
  path("socket").copy(address.sun_path, sizeof(address.sun_path) - 1);
  ASSERT_EQ(
      ::bind(socket, reinterpret_cast<sockaddr *>(&address), sizeof(address)),
      0);
  EXPECT_ERROR(MappedFile::open(path("socket")),
               EndsWith("socket: is a socket, expected a regular file"));
  ::close(socket);
  EXPECT_ERROR(MappedFile::open(path("w") + std::string("\0x", 2)),
               AllOf(StartsWith("'"), HasSubstr("w?x'"),
                     EndsWith("contains a zero byte")));
  EXPECT_ERROR(MappedFile::open(path(std::string(300, 'n'))),
               EndsWith("file name too long"));
}

TEST_F(MappedFileTest, RefusesWithoutPermission) {
  write("w", "secret");
  std::filesystem::permissions(path("w"), std::filesystem::perms::none);
  std::filesystem::permissions(folder, std::filesystem::perms::all);
  // Root may read anything, so somebody else tries.
  pid_t child = ::fork();
  if (child == 0) {
    // By a relative name, since the folders above may be closed to others.
    if (::chdir(folder.c_str()) != 0 ||
        (::getuid() == 0 && ::setuid(65534) != 0))
      ::_exit(2);
    auto file = MappedFile::open("w");
    ::_exit(!file && file.error().message() == "w: permission denied" ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST_F(MappedFileTest, KeepsTheOldDataWhenReplacedByRename) {
  auto file = *MappedFile::open(write("w", "old"));
  write("new", "new data");
  std::filesystem::rename(path("new"), path("w"));
  EXPECT_EQ(toString(file->bytes()), "old");
  auto again = *MappedFile::open(path("w"));
  EXPECT_EQ(toString(again->bytes()), "new data");
  EXPECT_NE(again->getIdentity(), file->getIdentity());
  std::filesystem::remove(path("w"));
  EXPECT_EQ(toString(file->bytes()), "old");
}

TEST_F(MappedFileTest, StampSurvivesCopiesAndTellsVersions) {
  for (size_t size : {0, 10, 65536, 65537, 1000003}) {
    std::string contents;
    for (size_t i = 0; i < size; ++i)
      contents += static_cast<char>(i * 31 >> 3);
    Stamp stamp = computeStamp(**MappedFile::open(write("a", contents)));
    EXPECT_EQ(stamp.size, size);
    auto copy = *MappedFile::open(write("b", contents));
    EXPECT_EQ(computeStamp(*copy), stamp);
    EXPECT_TRUE(checkStamp(*copy, stamp));

    auto longer = *MappedFile::open(write("c", contents + "x"));
    EXPECT_ERROR(checkStamp(*longer, stamp),
                 path("c") +
                     ": is another file than the one referred to: it has " +
                     std::to_string(size + 1) + " bytes, expected " +
                     std::to_string(size));
    if (size == 0)
      continue;
    for (size_t position : {size_t(0), size - 1}) {
      std::string changed = contents;
      changed[position] ^= 1;
      auto other = *MappedFile::open(write("d", changed));
      EXPECT_ERROR(checkStamp(*other, stamp),
                   path("d") + ": is another file than the one referred to: "
                               "same size, other contents");
    }
  }
}

/// KiB of files that this process maps in pieces of 2 MiB.
int64_t countLargePages() {
  int64_t sum = 0;
  std::ifstream maps("/proc/self/smaps");
  for (std::string line; std::getline(maps, line);)
    if (line.starts_with("FilePmdMapped:"))
      sum += std::stoll(line.substr(line.find(':') + 1));
  return sum;
}

/// Reads a byte of each page.
void touch(const MappedFile &file) {
  for (size_t at = 0; at < file.size(); at += 4096)
    (void)*const_cast<const volatile std::byte *>(&file.bytes()[at]);
}

TEST_F(MappedFileTest, StampLeavesLargePages) {
  constexpr uint64_t kBytes = 16 << 20;
  std::vector<std::byte> bytes(kBytes);
  auto writer = AtomicFile::create(path("w"), kBytes);
  ASSERT_OK(writer);
  ASSERT_OK(writer->write(0, bytes));
  ASSERT_OK(writer->commit());
  auto file = *MappedFile::open(path("w"));
  touch(*file);
  int64_t expected = countLargePages();
  file.reset();
  if (expected == 0)
    GTEST_SKIP() << "this system maps no files in large pages";
  file = *MappedFile::open(path("w"));
  computeStamp(*file);
  EXPECT_EQ(countLargePages(), 0);
  file->preferLargePages();
  touch(*file);
  EXPECT_EQ(countLargePages(), expected);
}

TEST_F(MappedFileTest, StampCoversTheWholeSafetensorsIndex) {
  std::string index = "{\"" + std::string(500000, 'n') + "\":{}}";
  std::string contents = makeSafetensors(index, std::string(5000000, 'd'));
  Stamp stamp = computeStamp(**MappedFile::open(write("a", contents)));
  for (size_t position : {size_t(100), size_t(100003), size_t(499999)}) {
    std::string changed = contents;
    changed[position] ^= 1;
    EXPECT_NE(computeStamp(**MappedFile::open(write("b", changed))), stamp)
        << position;
  }
}

// The digest is stored in artifacts: it may not change between versions or
// machines. The number is that of Python's xxhash.
TEST_F(MappedFileTest, StampIsStable) {
  EXPECT_EQ(computeStamp(**MappedFile::open(write("w", "0123456789"))).digest,
            0x6de3431b05f7c11fu);
}

TEST_F(MappedFileTest, SparseReadingLeavesNoPagesBehind) {
  constexpr size_t kBytes = 64 << 20;
  std::string name = write("large", std::string(kBytes, 'x'));
  std::shared_ptr<const MappedFile> file = *MappedFile::open(name);
  int64_t before = readStatus("RssFile");
  auto look = [&] {
    int sum = 0;
    for (size_t i = 0; i < kBytes; i += 1 << 17)
      sum += std::to_integer<int>(file->bytes()[i]);
    return sum;
  };
  {
    SparseReading sparse(*file);
    EXPECT_EQ(look(), 'x' * int(kBytes >> 17));
    // At least the pages looked at.
    EXPECT_GT(readStatus("RssFile"), before + (kBytes >> 17) * 4 / 2);
  }
  EXPECT_LT(readStatus("RssFile"), before + 256);
  EXPECT_EQ(look(), 'x' * int(kBytes >> 17));
}

} // namespace
