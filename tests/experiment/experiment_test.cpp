#include "experiment/cells.h"
#include "experiment/seed_statistics.h"
#include "experiment/summary.h"
#include "tests/support.h"

namespace meap {
namespace {

using testing::ErrorOf;
using testing::TempDir;

constexpr const char* kRecipe = "tokenizer: tok\ndata: {train: [text.txt]}\n";

class ExperimentTest : public ::testing::Test {
 protected:
  ExperimentTest() { WriteFileAtomically(dir_ / "recipe.yaml", kRecipe); }

  ExperimentFile Read(const std::string& text) {
    WriteFileAtomically(dir_ / "e.yaml", text);
    return ReadExperimentFile(dir_ / "e.yaml", "");
  }
  std::vector<Cell> Cells(const std::string& text) { return ExpandCells(Read(text)); }

  TempDir dir_;
};

TEST_F(ExperimentTest, AGridIsEveryCombinationAndAListOfGridsTheirUnion) {
  const auto cells = Cells(
      "recipe: recipe.yaml\noutput: out\n"
      "grid:\n"
      "  - {objective.name: ntp, train.epochs: [2, 4], train.seed: [1, 2]}\n"
      "  - {objective.name: meap, train.epochs: 1, train.seed: [1, 2]}\n");
  ASSERT_EQ(cells.size(), 6u);
  EXPECT_EQ(cells[0].Name(true), "objective.name ntp, train.epochs 2, train.seed 1");
  EXPECT_EQ(cells[3].Name(true), "objective.name ntp, train.epochs 4, train.seed 2");
  EXPECT_EQ(cells[5].Name(false), "objective.name meap, train.epochs 1");
  EXPECT_EQ(cells[5].recipe.train.seed, 2);
}

TEST_F(ExperimentTest, CellsThatResolveToOneRunAreOne) {
  // The ratio says nothing to NTP.
  const auto cells = Cells(
      "recipe: recipe.yaml\noutput: out\n"
      "grid: {objective.name: [ntp, meap], objective.mask_ratio: [0.1, 0.2]}\n");
  EXPECT_EQ(cells.size(), 3u);
}

TEST_F(ExperimentTest, TheHashKnowsTheRecipeAndTheDataButNotTheFolder) {
  const std::string rest = "recipe: recipe.yaml\ngrid: {train.seed: [1]}\n";
  const std::string hash = Cells(rest + "output: out\n")[0].hash;
  EXPECT_EQ(Cells(rest + "output: other\n")[0].hash, hash);
  EXPECT_EQ(Cells(rest + "output: out\nset: {train.threads: 7, data.cache: c}\n")[0].hash, hash);
  EXPECT_EQ(Cells(rest + "output: out\nset: {optimizer.lr: 4.0e-4}\n")[0].hash, hash);
  EXPECT_NE(Cells(rest + "output: out\nset: {optimizer.lr: 5.0e-4}\n")[0].hash, hash);
  EXPECT_NE(Cells(rest + "output: out\nprepare: [data synth]\n")[0].hash, hash);
}

TEST_F(ExperimentTest, OutputStandsForTheFolder) {
  const ExperimentFile file = Read(
      "recipe: recipe.yaml\noutput: out/x\nset: {data.train: \"{output}/a.txt\"}\n"
      "grid: {train.seed: 1}\nprepare: [\"data synth --output {output}/a.txt\"]\n");
  EXPECT_EQ(ExpandCells(file)[0].recipe.data.train[0], "out/x/a.txt");
  EXPECT_EQ(file.prepare[0],
            (std::vector<std::string>{"data", "synth", "--output", "out/x/a.txt"}));
}

TEST_F(ExperimentTest, ErrorsNameThePlace) {
  const auto where = [&](const std::string& text) {
    const auto parts = ErrorOf([&] { Cells(text); });
    const size_t at = parts.where.rfind(".yaml");
    return at == std::string::npos ? parts.where : parts.where.substr(at + 5);
  };
  EXPECT_EQ(where("recipe: recipe.yaml\ngird: {}\n"), ":2:1");
  EXPECT_EQ(where("recipe: recipe.yaml\noutput: o\ngrid: {train.seed: []}\n"), ":3:20");
  EXPECT_EQ(where("recipe: recipe.yaml\noutput: o\ngrid: 3\n"), ":3:7");
  EXPECT_EQ(where("recipe: recipe.yaml\noutput: o\ngrid: {a: 1}\ncommand: train\n"), ":4:10");
  EXPECT_EQ(where("recipe: [\n"), ":2:1");
  EXPECT_EQ(where("recipe: recipe.yaml\ngrid: {train.seed: 1}\n"), "");
  EXPECT_EQ(where("recipe: recipe.yaml\noutput: o\ngrid: {train.sed: 1}\n"),
            "command line: train.sed=1");
  EXPECT_EQ(ErrorOf([&] {
              Cells("recipe: r.yaml\noutput: o\ngrid: {train.seed: 1}\n");
            }).where.substr(dir_.path().string().size()),
            "/r.yaml");
}

TEST(SeedStatistics, StudentAgreesWithTables) {
  // scipy.stats: 2 * t.sf(2, 3), 2 * t.sf(0.5, 1), t.ppf(0.975, 2), t.ppf(0.975, 30).
  EXPECT_NEAR(StudentP(2, 3), 0.13932596855884, 1e-12);
  EXPECT_NEAR(StudentP(0.5, 1), 0.70483276469913, 1e-12);
  EXPECT_NEAR(StudentP(-30, 40), StudentP(30, 40), 1e-15);
  EXPECT_NEAR(StudentQuantile(0.95, 2), 4.30265272991, 1e-9);
  EXPECT_NEAR(StudentQuantile(0.95, 30), 2.04227245630, 1e-9);
}

TEST(SeedStatistics, IntervalsAndPairedTest) {
  const std::vector<double> a = {1, 2, 3}, b = {1.5, 2.6, 3.4};
  const SeedMean mean = MeanOverSeeds(a);
  EXPECT_DOUBLE_EQ(mean.mean, 2);
  EXPECT_NEAR(mean.interval->high, 2 + 4.30265272991 / std::sqrt(3.0), 1e-9);
  const SeedDifference difference = PairedOverSeeds(a, b);
  EXPECT_NEAR(difference.difference.mean, 0.5, 1e-12);
  EXPECT_NEAR(*difference.p, 0.013072457560346, 1e-10);  // scipy.stats.ttest_rel(b, a)
  EXPECT_FALSE(MeanOverSeeds(std::vector<double>{1}).interval.has_value());
}

CellResult Result(const KeyValues& values, double score) {
  CellResult result{.cell = {.values = values, .hash = values[1].second + values[0].second},
                    .metrics = {{"loss", 2.0}, {"task.acc", score}}};
  for (int i = 0; i < 10; ++i) {
    const std::string id = std::to_string(i);
    result.samples["task.acc"][id] = i < 10 * score ? 1 : 0;
    result.items["task/" + id] = id;
  }
  result.train_seconds = 4;
  result.tokens = 100;
  return result;
}

TEST(ExperimentSummary, GroupsSeedsAndComparesWithTheBaseline) {
  std::vector<CellResult> results;
  for (const char* ratio : {"0", "0.15"}) {
    for (const char* seed : {"1", "2", "3"}) {
      const double noise = seed[0] == '2' ? 0.1 : 0;
      results.push_back(Result({{"objective.mask_ratio", ratio}, {"train.seed", seed}},
                               (ratio[1] == 0 ? 0.2 : 0.7) + noise));
    }
  }
  ExperimentFile file;
  file.baseline = {{"objective.mask_ratio", "0.0"}};
  const ExperimentSummary summary = Summarize(file, results);
  ASSERT_EQ(summary.settings.size(), 2u);
  EXPECT_TRUE(summary.settings[0].baseline);
  const SettingMetric& metric = summary.settings[1].metrics[1];
  EXPECT_EQ(metric.name, "task.acc");
  EXPECT_NEAR(metric.value.mean, 0.7 + 0.1 / 3, 1e-12);
  EXPECT_NEAR(metric.difference->difference.mean, 0.5, 1e-12);
  EXPECT_GT(metric.item_interval->low, 0);
  EXPECT_LT(*metric.item_p, 0.15);
  EXPECT_FALSE(summary.settings[0].metrics[1].difference.has_value());
  EXPECT_EQ(summary.settings[0].mean_seconds, 4);
  const auto json = SummaryJson(file, summary);
  EXPECT_EQ(json["settings"][1]["metrics"]["task.acc"]["seeds"], 3);
  EXPECT_EQ(json["cells"].size(), 6u);
  EXPECT_NE(SummaryMarkdown(file, summary).find("| objective.mask_ratio 0 (baseline) | 3 |"),
            std::string::npos);
}

TEST(ExperimentSummary, ABaselineMustNameOneSetting) {
  const std::vector<CellResult> results = {
      Result({{"objective.mask_ratio", "0"}, {"train.seed", "1"}}, 0.5),
      Result({{"objective.mask_ratio", "0.1"}, {"train.seed", "1"}}, 0.5)};
  ExperimentFile file;
  file.baseline = {{"objective.mask_ratio", "0.3"}};
  EXPECT_EQ(ErrorOf([&] { Summarize(file, results); }).got, "no setting");
}

}  // namespace
}  // namespace meap
