#include "core/files.h"

#include <gmock/gmock.h>

#include <cerrno>

#include "core/machine.h"
#include "core/outputs.h"
#include "tests/support.h"

namespace meap {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(FilesTest, FoldersOfAnOutputAreMade) {
  const testing::TempDir dir;
  const fs::path path = dir / "a" / "b" / "text";
  WriteFileAtomically(path, "text");
  EXPECT_EQ(ReadFile(path, "test"), "text");
}

TEST(FilesTest, OnlyAFullDiskIsToBeFreed) {
  EXPECT_THAT(WriteHint(ENOSPC), HasSubstr("free some disk space"));
  EXPECT_THAT(WriteHint(EFBIG), HasSubstr("free some disk space"));
  EXPECT_THAT(WriteHint(EACCES), Not(HasSubstr("free some disk space")));
  const testing::TempDir dir;
  WriteFileAtomically(dir / "file", "");
  const ErrorParts parts =
      testing::ErrorOf([&] { WriteFileAtomically(dir / "file" / "x", ""); }, ExitCode::kFailed);
  EXPECT_THAT(parts.hint, Not(HasSubstr("disk space")));
}

TEST(FilesTest, PartsOfAMappedFileHashAsTheirBytesDoAndLeaveMemory) {
  const testing::TempDir folder;
  std::string text(40 << 20, '\0');
  for (size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * i % 251);
  WriteFileAtomically(folder.path() / "file", text);
  const MappedFile file(folder.path() / "file");
  for (const auto& [begin, size] : {std::pair<size_t, size_t>{0, 0},
                                    {1, 1},
                                    {4095, 5000},
                                    {3, 4 << 20},
                                    {17, 9'000'001},
                                    {0, text.size()}}) {
    SCOPED_TRACE(std::to_string(begin) + " + " + std::to_string(size));
    EXPECT_EQ(HashHex(file, file.bytes().subspan(begin, size)), HashHex(text.data() + begin, size));
  }
  const int64_t before = ResidentMemory();
  HashHex(file, file.bytes());
  EXPECT_LT(ResidentMemory() - before, 8 << 20);
}

TEST(FilesTest, AnOutputFileIsNoFolder) {
  const testing::TempDir dir;
  RequireOutputFiles({{"--output", dir / "new" / "file"}, {"--samples", ""}});
  EXPECT_TRUE(fs::is_directory(dir / "new"));
  EXPECT_THAT(testing::ErrorOf([&] {
                RequireOutputFiles({{"--output", dir / "new"}});
              }).where,
              HasSubstr("--output"));
}

TEST(FilesTest, OneFileIsNotTwoOutputs) {
  const testing::TempDir dir;
  const auto error = testing::ErrorOf([&] {
    RequireOutputFiles(
        {{"--output", dir / "a"}, {"--samples", ""}, {"--cache", dir / "b" / ".." / "a"}});
  });
  EXPECT_EQ(error.where, "--cache and --output");
  testing::ErrorOf([&] { RequireOutputFiles({{"--output", dir / "a"}}, {{"FILE", dir / "a"}}); });
  RequireOutputFiles({{"--output", dir / "a"}, {"--samples", dir / "b"}}, {{"FILE", ""}});
}

TEST(FilesTest, AFileIsHashedByReadingAndWhatCannotBeReadIsAnError) {
  const testing::TempDir dir;
  const std::string text(3'000'001, 'x');
  WriteFileAtomically(dir / "file", text);
  EXPECT_EQ(HashFileHex(dir / "file"), HashHex(text.data(), text.size()));
  testing::ErrorOf([&] { HashFileHex(dir / "none"); });
  testing::ErrorOf([&] { HashFileHex(dir.path()); });
  testing::ErrorOf([] { HashFileHex("/proc/self/mem"); });  // opens, and fails to read like a disk
}

}  // namespace
}  // namespace meap
