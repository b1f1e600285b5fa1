#include "report/tensorboard.h"

#include <gmock/gmock.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "tests/support.h"

namespace meap {
namespace {

using ::meap::testing::TempDir;
using nlohmann::json;

TEST(TensorBoardTest, Crc32cHasItsKnownValues) {
  // RFC 3720, appendix B.4.
  EXPECT_EQ(Crc32c(std::string(32, '\0')), 0x8A9136AAu);
  EXPECT_EQ(Crc32c(std::string(32, '\xff')), 0x62A8AB43u);
  EXPECT_EQ(Crc32c("123456789"), 0xE3069283u);
  EXPECT_EQ(Crc32c(""), 0u);
}

TEST(TensorBoardTest, RecordsAreFramedAndFlushed) {
  const TempDir folder;
  TensorBoardWriter writer(folder.path(), {});
  writer.AddScalars(3, {{"loss", 1.5}});
  const std::string bytes = ReadFile(writer.path(), "test");
  size_t records = 0;
  for (size_t at = 0; at < bytes.size(); ++records) {
    uint64_t length = 0;
    std::memcpy(&length, bytes.data() + at, 8);
    at += 8 + 4 + length + 4;
    ASSERT_LE(at, bytes.size());
  }
  EXPECT_EQ(records, 2U);
}

TEST(TensorBoardTest, EachFileOfARunSortsAfterTheOneBefore) {
  const TempDir folder;
  const TensorBoardWriter first(folder.path(), {});
  const TensorBoardWriter second(folder.path(), 1);
  const TensorBoardWriter third(folder.path(), 2);
  EXPECT_LT(first.path(), second.path());
  EXPECT_LT(second.path(), third.path());
}

TEST(TensorBoardTest, TensorBoardReadsCurvesOnceAfterAResume) {
  const fs::path python = testing::SourceDir() / ".venv/bin/python";
  if (!fs::exists(python)) GTEST_SKIP() << "no " << python << "; run make setup";
  const TempDir folder;
  {
    TensorBoardWriter writer(folder.path(), {});
    for (int64_t step = 1; step <= 5; ++step) {
      writer.AddScalars(step, {{"train/loss", 1.0 / static_cast<double>(step)}, {"lr", 0.5}});
    }
  }
  TensorBoardWriter writer(folder.path(), 3);
  writer.AddScalars(4, {{"train/loss", -4.0}});
  writer.AddScalars(300, {{"train/loss", -5.0}});

  const std::string command = python.string() + " -W ignore " + testing::SourceDir().string() +
                              "/tests/parity/tensorboard_scalars.py " + folder.path().string() +
                              " 2>/dev/null";
  std::FILE* pipe = ::popen(command.c_str(), "r");
  std::string output;
  char buffer[4096];
  while (std::fgets(buffer, sizeof buffer, pipe) != nullptr) output += buffer;
  ASSERT_EQ(::pclose(pipe), 0) << command;
  const json curves = json::parse(output);
  EXPECT_EQ(curves["train/loss"],
            (json{{1, 1.0}, {2, 0.5}, {3, static_cast<double>(1.0F / 3)}, {4, -4.0}, {300, -5.0}}));
  EXPECT_EQ(curves["lr"], (json{{1, 0.5}, {2, 0.5}, {3, 0.5}}));
}

}  // namespace
}  // namespace meap
