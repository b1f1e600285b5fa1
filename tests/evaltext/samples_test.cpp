#include "evaltext/samples.h"

#include <gmock/gmock.h>

#include <cmath>
#include <fstream>

#include "evaltext/statistics.h"
#include "tests/support.h"

namespace meap {
namespace {

using Json = nlohmann::ordered_json;
using ::testing::HasSubstr;

EvalSample Sample(const std::string& id, int position, double score) {
  EvalSample sample{.model = "m", .task = "t", .id = id, .item = "q"};
  sample.group["position"] = position;
  sample.metrics = {{"hit", score}};
  sample.prompt_hash = PromptHash(id);
  return sample;
}

TEST(SamplesTest, LinesReadBack) {
  EvalSample sample = Sample("é", 10, 0.1);
  sample.extra = {{"response", "naïve"}, {"references", {"x"}}};
  const std::string line = SampleLine(sample);
  EXPECT_EQ(line, R"({"model":"m","task":"t","id":"\u00e9","item":"q","group":{"position":10},)"
                  R"("metrics":{"hit":0.1},"prompt_hash":")" +
                      sample.prompt_hash + R"(","response":"na\u00efve","references":["x"]})");
  const testing::TempDir dir;
  std::ofstream(dir / "s.jsonl") << line << "\n";
  const EvalSample back = ReadSamples(dir / "s.jsonl").front();
  EXPECT_EQ(SampleLine(back), line);
  std::ofstream(dir / "s.jsonl") << R"({"model":"m","task":"t","id":"1","metrics":{"a":"x"}})";
  EXPECT_EQ(testing::ErrorOf([&] { ReadSamples(dir / "s.jsonl"); }).where,
            (dir / "s.jsonl").string() + ":1, field \"metrics\"");
}

TEST(SamplesTest, SummaryHasMeansErrorsAndBreakdowns) {
  std::vector<EvalSample> samples = {Sample("a", 10, 1), Sample("b", 9, 0), Sample("c", 10, 0)};
  EvalSample skipped = Sample("d", 9, 0);
  skipped.metrics.clear();
  skipped.skipped = "the prompt is too long";
  samples.push_back(skipped);
  const TaskSummary summary = Summarize(samples);
  EXPECT_EQ(summary.n, 3U);
  EXPECT_EQ(summary.counts, Json({{"items", 4}, {"scored", 3}, {"skipped", 1}}));
  EXPECT_NEAR(summary.results.at("hit").get<double>(), 1.0 / 3, 1e-15);
  EXPECT_NEAR(summary.results.at("hit_stderr").get<double>(), 1.0 / 3, 1e-15);
  ASSERT_EQ(summary.breakdowns.size(), 1U);
  const Json& cells = summary.breakdowns[0].at("cells");
  EXPECT_EQ(cells[0], Json({{"position", 9}, {"n", 1}, {"hit", 0.0}, {"hit_stderr", nullptr}}));
  EXPECT_EQ(cells[1].at("position"), 10);
  EXPECT_EQ(cells[1].at("hit"), 0.5);
  EXPECT_EQ(Summarize({}).n, 0U);
}

TEST(SamplesTest, SeveralGroupFieldsGiveATableEach) {
  std::vector<EvalSample> samples;
  for (int length : {1000, 200}) {
    for (int depth : {0, 100}) {
      EvalSample sample = Sample(std::to_string(length + depth), 0, depth == 0 ? 1 : 0);
      sample.group = {{"length", length}, {"depth", depth}};
      samples.push_back(sample);
    }
  }
  const TaskSummary summary = Summarize(samples);
  ASSERT_EQ(summary.breakdowns.size(), 3U);
  EXPECT_EQ(summary.breakdowns[0].at("by"), Json({"length", "depth"}));
  EXPECT_EQ(summary.breakdowns[0].at("cells")[0].at("length"), 200);
  EXPECT_EQ(summary.breakdowns[2].at("cells")[0].at("hit"), 1.0);
}

TEST(SamplesTest, SkippedItemsAreCountedByReason) {
  std::vector<EvalSample> samples;
  for (int i = 0; i < 5; ++i) samples.push_back(Sample(std::to_string(i), 0, 1));
  EXPECT_EQ(SkippedText(samples), "");
  samples[0].skipped = "the prompt is too long: 8 tokens";
  samples[1].skipped = "the prompt is too long: 9 tokens";
  samples[2].skipped = "another reason";
  EXPECT_EQ(SkippedText(samples),
            "2 of 5 scored, 1 skipped: another reason, 2 skipped: the prompt is too long");
}

TEST(SamplesTest, ModelNames) {
  EXPECT_EQ(ModelName("runs/meap/hf", {}), "meap");
  EXPECT_EQ(ModelName("runs/meap/hf/", {"meap"}), "meap-2");
  EXPECT_EQ(ModelName("/models/SmolLM2-135M", {}), "SmolLM2-135M");
}

TEST(SamplesTest, PromptHashesKeepTextsApart) {
  const std::vector<std::string> ab_c = {"ab", "c"};
  const std::vector<std::string> a_bc = {"a", "bc"};
  EXPECT_NE(PromptHash(ab_c), PromptHash(a_bc));
  EXPECT_EQ(PromptHash("x").size(), 16U);
}

TEST(StatisticsTest, ErrorOfAMean) {
  const std::vector<double> values = {1, 0, 0, 1, 1};
  const MeanError mean = MeanAndError(values);
  EXPECT_DOUBLE_EQ(mean.mean, 0.6);
  EXPECT_DOUBLE_EQ(*mean.stderr_of_mean, std::sqrt(0.6 * 0.4 / 4));
  EXPECT_FALSE(MeanAndError(std::span(values).first(1)).stderr_of_mean.has_value());
}

TEST(StatisticsTest, McNemarIsTheExactBinomialTest) {
  // scipy.stats.binomtest(2, 12).pvalue = 0.03857421875
  std::vector<double> a(20, 0);
  std::vector<double> b(20, 0);
  for (size_t i = 0; i < 12; ++i) (i < 2 ? a : b)[i] = 1;
  const McNemar test = McNemarTest(a, b);
  EXPECT_EQ(test.only_a, 2U);
  EXPECT_EQ(test.only_b, 10U);
  EXPECT_NEAR(test.p, 0.03857421875, 1e-12);
  EXPECT_EQ(McNemarTest(a, a).p, 1);
}

TEST(StatisticsTest, BootstrapIntervalOfIndependentPairs) {
  // Differences 1 (30 %) and 0: the mean's error is sqrt(0.3 * 0.7 / n).
  std::vector<double> a(400, 0);
  std::vector<double> b(400, 0);
  std::vector<uint32_t> cluster(400);
  for (uint32_t i = 0; i < 400; ++i) {
    cluster[i] = i;
    b[i] = i < 120 ? 1 : 0;
  }
  const Interval interval = PairedBootstrap(a, b, cluster, 400, 4000, 0.95, 1);
  const double error = std::sqrt(0.3 * 0.7 / 400);
  EXPECT_NEAR(interval.low, 0.3 - 1.96 * error, 0.005);
  EXPECT_NEAR(interval.high, 0.3 + 1.96 * error, 0.005);
  // The same samples as 40 questions of ten: the whole question moves together.
  for (uint32_t i = 0; i < 400; ++i) cluster[i] = i / 10;
  const Interval wide = PairedBootstrap(a, b, cluster, 40, 4000, 0.95, 1);
  EXPECT_NEAR(wide.high - wide.low, std::sqrt(10.0) * (interval.high - interval.low), 0.05);
}

TEST(StatisticsTest, SignFlips) {
  std::vector<double> a(10, 0);
  std::vector<double> b(10, 1);
  std::vector<uint32_t> cluster(10);
  for (uint32_t i = 0; i < 10; ++i) cluster[i] = i;
  EXPECT_NEAR(SignFlipTest(a, b, cluster, 10, 20000, 1), 2.0 / 1024, 0.001);
  EXPECT_EQ(SignFlipTest(a, a, cluster, 10, 100, 1), 1);
}

TEST(StatisticsTest, KappaOfTwoRaters) {
  const Agreement agreement = RaterAgreement(20, 5, 10, 15);  // the usual textbook table
  EXPECT_DOUBLE_EQ(agreement.share, 0.7);
  EXPECT_NEAR(*agreement.kappa, 0.4, 1e-12);
  EXPECT_FALSE(RaterAgreement(10, 0, 0, 0).kappa.has_value());
}

}  // namespace
}  // namespace meap
