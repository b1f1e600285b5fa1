#include "core/files.h"

#include <gmock/gmock.h>

#include <cerrno>

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

TEST(FilesTest, AnOutputFileIsNoFolder) {
  const testing::TempDir dir;
  RequireOutputFile(dir / "new" / "file", "--output");
  EXPECT_TRUE(fs::is_directory(dir / "new"));
  EXPECT_THAT(testing::ErrorOf([&] { RequireOutputFile(dir / "new", "--output"); }).where,
              HasSubstr("--output"));
}

}  // namespace
}  // namespace meap
