#include "report/metrics.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/resource.h>

#include <cmath>
#include <fstream>
#include <limits>

#include "tests/support.h"

namespace meap {
namespace {

using ::meap::testing::ErrorOf;
using ::meap::testing::TempDir;
using ::testing::HasSubstr;

std::string Read(const fs::path& path) { return ReadFile(path, "test"); }

// The text after a resume at `step` from a file of this text.
std::string Resumed(const std::string& text, int64_t step) {
  const TempDir folder;
  std::ofstream(folder / "m.jsonl", std::ios::binary) << text;
  MetricsWriter(folder / "m.jsonl", step).Append({{"step", step + 1}});
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 1);
  return Read(folder / "m.jsonl");
}

TEST(MetricsTest, LinesAreThereAtOnceInFieldOrder) {
  const TempDir folder;
  MetricsWriter writer(folder / "m.jsonl", {});
  writer.Append({{"step", 1}, {"loss", 2.5}, {"a", "\u00e9"}});
  EXPECT_EQ(Read(folder / "m.jsonl"), "{\"step\":1,\"loss\":2.5,\"a\":\"\\u00e9\"}\n");
  writer.Append({{"step", 2}, {"loss", std::nan("")}});
  EXPECT_THAT(Read(folder / "m.jsonl"), HasSubstr("\n{\"step\":2,\"loss\":null}\n"));
}

TEST(MetricsTest, TellsWhetherARunWrites) {
  const TempDir folder;
  EXPECT_EQ(IsBeingWritten(folder / "m.jsonl"), false);
  {
    const MetricsWriter writer(folder / "m.jsonl", {});
    EXPECT_EQ(IsBeingWritten(folder / "m.jsonl"), true);
    EXPECT_EQ(IsBeingWritten(folder / "m.jsonl"), true);  // looking changes nothing
  }
  EXPECT_EQ(IsBeingWritten(folder / "m.jsonl"), false);
}

TEST(MetricsTest, NumbersReadBackBitForBit) {
  const TempDir folder;
  const std::vector<double> numbers = {0.1,
                                       static_cast<double>(0.1F),
                                       1.0 / 3,
                                       1e300,
                                       5e-324,
                                       -123456789.123456789,
                                       std::numeric_limits<double>::min()};
  MetricsWriter(folder / "m.jsonl", {}).Append({{"x", numbers}});
  EXPECT_EQ(nlohmann::json::parse(Read(folder / "m.jsonl"))["x"].get<std::vector<double>>(),
            numbers);
}

TEST(MetricsTest, AFreshRunBeginsEmpty) {
  const TempDir folder;
  std::ofstream(folder / "m.jsonl") << "old\n";
  MetricsWriter writer(folder / "m.jsonl", {});
  EXPECT_EQ(Read(folder / "m.jsonl"), "");
}

TEST(MetricsTest, ResumeCutsLaterStepsAndTornLines) {
  const std::string one = "{\"step\":1,\"loss\":3.0}\n";
  const std::string two = "{\"step\":2,\"loss\":2.0}\n";
  const std::string checked = "{\"step\":2,\"validation_loss\":2.5}\n";
  const std::string next2 = "{\"step\":2}\n";
  const std::string next3 = "{\"step\":3}\n";
  EXPECT_EQ(Resumed(one + two + checked, 2), one + two + checked + next3);
  EXPECT_EQ(Resumed(one + two + checked, 1), one + next2);
  EXPECT_EQ(Resumed(one + two + "{\"step\":3,\"lo", 2), one + two + next3);
  EXPECT_EQ(Resumed(one + "{\"step\":2,\"lo", 1), one + next2);
  EXPECT_EQ(Resumed(one + two.substr(0, two.size() - 1), 2), one + two + next3);
  EXPECT_EQ(Resumed(two + one, 1), one + next2);
  EXPECT_EQ(Resumed("", 1), next2);
  EXPECT_EQ(Resumed("{\"st", 1), next2);
  EXPECT_EQ(Resumed("{\"note\":\"no step\"}\n" + one, 1), "{\"note\":\"no step\"}\n" + one + next2);
}

TEST(MetricsTest, ADamagedLineInTheMiddleIsDroppedWithAWarning) {
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(Resumed("{\"step\":1}\ngarbage\n{\"step\":2}\n", 2),
            "{\"step\":1}\n{\"step\":2}\n{\"step\":3}\n");
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), HasSubstr("not a JSON object"));
}

TEST(MetricsTest, ResumeWithoutAFileBeginsOne) {
  const TempDir folder;
  MetricsWriter(folder / "m.jsonl", 5).Append({{"step", 6}});
  EXPECT_EQ(Read(folder / "m.jsonl"), "{\"step\":6}\n");
}

TEST(MetricsTest, AFullDiskLeavesWholeLines) {
  const TempDir folder;
  MetricsWriter writer(folder / "m.jsonl", {});
  writer.Append({{"step", 1}});
  rlimit old{};
  ::getrlimit(RLIMIT_FSIZE, &old);
  auto* handler = ::signal(SIGXFSZ, SIG_IGN);
  rlimit small = old;
  small.rlim_cur = 15;
  ::setrlimit(RLIMIT_FSIZE, &small);
  const ErrorParts error = ErrorOf([&] { writer.Append({{"step", 2}}); }, ExitCode::kFailed);
  ::setrlimit(RLIMIT_FSIZE, &old);
  ::signal(SIGXFSZ, handler);
  EXPECT_THAT(error.where, HasSubstr("m.jsonl"));
  EXPECT_EQ(Read(folder / "m.jsonl"), "{\"step\":1}\n");
  writer.Append({{"step", 2}});
  EXPECT_EQ(Read(folder / "m.jsonl"), "{\"step\":1}\n{\"step\":2}\n");
}

TEST(MetricsTest, AFileThatCannotBeMadeIsNamed) {
  EXPECT_THAT(
      ErrorOf([] { MetricsWriter writer("/nonexistent/m.jsonl", {}); }, ExitCode::kFailed).where,
      HasSubstr("/nonexistent/m.jsonl"));
}

TEST(MetricsTest, AValidationThatWasNotDoneIsCutToo) {
  const TempDir folder;
  const std::string step = "{\"step\":4,\"loss\":1}\n";
  const std::string validation = "{\"step\":4,\"validation_loss\":1}\n";
  const std::string earlier = "{\"step\":2,\"validation_loss\":1}\n";
  for (const bool validates : {false, true}) {
    std::ofstream(folder / "m.jsonl") << earlier << step << validation;
    MetricsWriter writer(folder / "m.jsonl", 4, validates);
    EXPECT_EQ(Read(folder / "m.jsonl"), earlier + step + (validates ? "" : validation));
  }
}

}  // namespace
}  // namespace meap
