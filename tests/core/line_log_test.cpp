#include "core/line_log.h"

#include <gmock/gmock.h>

#include <fstream>

#include "tests/support.h"

namespace meap {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> Lines(const fs::path& path) {
  std::vector<std::string> lines;
  const LineLog log(path, [&](std::string_view line) { lines.emplace_back(line); });
  return lines;
}

TEST(LineLogTest, KeepsWholeLinesAndCutsATornOne) {
  const testing::TempDir dir;
  const fs::path path = dir / "a" / "log.jsonl";
  {
    LineLog log(path, [](std::string_view) { FAIL() << "the file is new"; });
    log.Append("one");
    log.Append("");
  }
  std::ofstream(path, std::ios::app) << "tor";
  EXPECT_THAT(Lines(path), ElementsAre("one", ""));
  LineLog(path, [](std::string_view) {}).Append("two");
  EXPECT_EQ(ReadFile(path, "test"), "one\n\ntwo\n");
}

TEST(LineLogTest, OneProcessAtATime) {
  const testing::TempDir dir;
  const LineLog log(dir / "log", [](std::string_view) {});
  const ErrorParts parts = testing::ErrorOf([&] { Lines(dir / "log"); }, ExitCode::kFailed);
  EXPECT_THAT(parts.what, HasSubstr("another process"));
}

TEST(LineLogTest, AFolderIsNoFile) {
  const testing::TempDir dir;
  EXPECT_THAT(testing::ErrorOf([&] { Lines(dir.path()); }).where, dir.path().string());
}

}  // namespace
}  // namespace meap
