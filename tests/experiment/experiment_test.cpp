#include "experiment/baseline.h"
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
  /// "CELL < BASELINE" of each cell that has one.
  std::vector<std::string> Pairs(const std::string& text) {
    const ExperimentFile file = Read("recipe: recipe.yaml\noutput: out\n" + text);
    std::vector<Cell> cells = ExpandCells(file);
    PairWithBaselines(file, cells);
    std::vector<std::string> pairs;
    for (const Cell& cell : cells) {
      for (const Cell& other : cells) {
        if (other.hash != cell.baseline) continue;
        EXPECT_EQ(other.Name(false), cell.baseline_name);
        pairs.push_back(cell.Name(true) + " < " + other.Name(true));
      }
    }
    return pairs;
  }

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

using Strings = std::vector<std::string>;

TEST_F(ExperimentTest, ABaselineEqualsItsSettingInAllOtherKeys) {
  EXPECT_EQ(Pairs("grid: {train.steps: [10, 20], objective.name: [ntp, meap], train.seed: [1, 2]}\n"
                  "baseline: {objective.name: ntp}\n"),
            (Strings{"train.steps 10, objective.name meap, train.seed 1 < "
                     "train.steps 10, objective.name ntp, train.seed 1",
                     "train.steps 10, objective.name meap, train.seed 2 < "
                     "train.steps 10, objective.name ntp, train.seed 2",
                     "train.steps 20, objective.name meap, train.seed 1 < "
                     "train.steps 20, objective.name ntp, train.seed 1",
                     "train.steps 20, objective.name meap, train.seed 2 < "
                     "train.steps 20, objective.name ntp, train.seed 2"}));
  EXPECT_EQ(Pairs("grid: {objective.mask_ratio: [0, 0.1], train.seed: [1]}\n"
                  "baseline: {objective.mask_ratio: 0.0}\n"),
            (Strings{"objective.mask_ratio 0.1, train.seed 1 < objective.mask_ratio 0, "
                     "train.seed 1"}));
}

TEST_F(ExperimentTest, KeysThatSayNothingToTheBaselineDoNotMatter) {
  EXPECT_EQ(Pairs("grid:\n"
                  "  - {objective.name: ntp}\n"
                  "  - {objective.name: meap, objective.mask_ratio: [0.1, 0.2]}\n"
                  "baseline: {objective.name: ntp}\n"),
            (Strings{"objective.name meap, objective.mask_ratio 0.1 < objective.name ntp",
                     "objective.name meap, objective.mask_ratio 0.2 < objective.name ntp"}));
  WriteFileAtomically(dir_ / "recipe.yaml", "model: {path: m}\ndata: {train: [text.jsonl]}\n");
  EXPECT_EQ(Pairs("command: finetune\ngrid:\n"
                  "  - {objective.name: ntp}\n"
                  "  - {objective.name: meap, objective.layout: [concat, separate]}\n"
                  "baseline: {objective.name: ntp}\n"),
            (Strings{"objective.name meap, objective.layout concat < objective.name ntp",
                     "objective.name meap, objective.layout separate < objective.name ntp"}));
}

TEST_F(ExperimentTest, AListPairsByHandAndSeedsPairWithThemselves) {
  EXPECT_EQ(Pairs("grid:\n"
                  "  - {objective.name: ntp, train.epochs: [2, 4], train.seed: [1, 2]}\n"
                  "  - {objective.name: meap, train.epochs: [1, 2, 3], train.seed: [2, 3]}\n"
                  "baseline:\n"
                  "  - {setting: {objective.name: meap, train.epochs: 1},\n"
                  "     with: {objective.name: ntp, train.epochs: 2}}\n"
                  "  - {setting: {objective.name: meap, train.epochs: 2},\n"
                  "     with: {objective.name: ntp, train.epochs: 4}}\n"),
            (Strings{"objective.name meap, train.epochs 1, train.seed 2 < "
                     "objective.name ntp, train.epochs 2, train.seed 2",
                     "objective.name meap, train.epochs 2, train.seed 2 < "
                     "objective.name ntp, train.epochs 4, train.seed 2"}));
}

TEST_F(ExperimentTest, ABaselineOutsideTheGridIsRefused) {
  const auto error = [&](const std::string& baseline) {
    return ErrorOf([&] {
      Pairs(
          "grid: {train.steps: [10, 20], objective.mask_ratio: [0, 0.1], train.seed: [1]}\n"
          "baseline: " +
          baseline + "\n");
    });
  };
  EXPECT_EQ(error("{objective.mask_ratio: 0.3}").got,
            "train.steps 10, objective.mask_ratio 0, train.seed 1, with the baseline's values "
            "train.steps 10, objective.mask_ratio 0.3, train.seed 1");
  EXPECT_EQ(error("{objective.mask_ratoi: 0}").hint, "did you mean objective.mask_ratio?");
  EXPECT_EQ(error("{train.seed: 1}").got, "train.seed");
  EXPECT_EQ(error("[{setting: {train.steps: 11}, with: {train.steps: 10}}]").got, "train.steps 11");
  EXPECT_NE(error("[{setting: {train.steps: 20}}]").where.find("e.yaml:4:12"), std::string::npos);
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

/// Three seeds without masks and three with them, which are compared with those.
std::vector<CellResult> SixResults() {
  std::vector<CellResult> results;
  for (const char* ratio : {"0", "0.15"}) {
    for (const char* seed : {"1", "2", "3"}) {
      const double noise = seed[0] == '2' ? 0.1 : 0;
      results.push_back(Result({{"objective.mask_ratio", ratio}, {"train.seed", seed}},
                               (ratio[1] == 0 ? 0.2 : 0.7) + noise));
      if (ratio[1] == 0) continue;
      results.back().cell.baseline = std::string(seed) + "0";
      results.back().cell.baseline_name = "objective.mask_ratio 0";
    }
  }
  return results;
}

TEST(ExperimentSummary, GroupsSeedsAndComparesWithTheBaseline) {
  const std::vector<CellResult> results = SixResults();
  const ExperimentFile file;
  const ExperimentSummary summary = Summarize(results);
  ASSERT_EQ(summary.settings.size(), 2u);
  EXPECT_TRUE(summary.settings[0].baseline);
  EXPECT_FALSE(summary.settings[1].baseline);
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
  EXPECT_EQ(json["settings"][1]["compared_with"], "objective.mask_ratio 0");
  EXPECT_EQ(json["cells"].size(), 6u);
  EXPECT_NE(SummaryMarkdown(file, summary).find("| objective.mask_ratio 0 (baseline) | 3 |"),
            std::string::npos);
}

TEST(ExperimentSummary, SeedsWithoutABaselinesResultAreLeftOut) {
  std::vector<CellResult> results = SixResults();
  results.erase(results.begin() + 1);  // seed 2 of the baseline
  EXPECT_EQ(Summarize(results).settings[1].metrics[1].difference->difference.seeds, 2u);
  results.erase(results.begin(), results.begin() + 2);
  const ExperimentSummary summary = Summarize(results);
  ASSERT_EQ(summary.settings.size(), 1u);
  EXPECT_FALSE(summary.settings[0].metrics[1].difference.has_value());
  EXPECT_NE(SummaryMarkdown(ExperimentFile(), summary)
                .find("| objective.mask_ratio 0.15 | objective.mask_ratio 0 | - | - | - | - |"),
            std::string::npos);
}

}  // namespace
}  // namespace meap
