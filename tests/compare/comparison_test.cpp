#include "compare/comparison.h"

#include <gmock/gmock.h>

#include <cmath>
#include <fstream>
#include <map>
#include <set>

#include "compare/render.h"
#include "evaltext/running_text.h"
#include "tests/support.h"

namespace meap {
namespace {

using Json = nlohmann::ordered_json;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

/// A run over `questions` questions at three positions; the score at (q, p) is right(q, p).
template <typename F>
void WriteRun(const testing::TempDir& dir, const std::string& name, int questions, const F& right,
              bool with_samples = true) {
  std::vector<EvalSample> samples;
  for (int q = 0; q < questions; ++q) {
    for (const int position : {1, 5, 10}) {
      EvalSample sample{.model = name,
                        .task = "mdqa10",
                        .id = std::to_string(q) + "@" + std::to_string(position),
                        .item = std::to_string(q)};
      sample.group["position"] = position;
      sample.metrics = {{"best_subspan_em", right(q, position) ? 1 : 0}};
      sample.prompt_hash = PromptHash(sample.id);
      samples.push_back(sample);
    }
  }
  const TaskSummary summary = Summarize(samples);
  Json run = {{"format", "meap-results-1"},
              {"model", "models/" + name},
              {"name", name},
              {"results", {{"mdqa10", summary.results}}},
              {"n", {{"mdqa10", summary.n}}},
              {"breakdowns", {{"mdqa10", summary.breakdowns}}},
              {"settings", {{"dtype", "f32"}, {"threads", 2}}},
              {"samples", nullptr}};
  if (with_samples) {
    run["samples"] = name + ".jsonl";
    std::ofstream lines(dir / (name + ".jsonl"));
    for (const EvalSample& sample : samples) lines << SampleLine(sample) << "\n";
  }
  std::ofstream(dir / (name + ".json")) << run.dump();
}

Comparison CompareFiles(const testing::TempDir& dir, const std::vector<std::string>& names) {
  std::vector<fs::path> files;
  for (const std::string& name : names) files.push_back(dir / (name + ".json"));
  return Compare(ReadRuns(files), {.resamples = 2000});
}

bool Even(int q, int) { return q % 2 == 0; }
/// The baseline's right answers and, at position 5, a quarter of the questions more.
bool Better(int q, int position) { return q % 2 == 0 || (position == 5 && q % 4 == 1); }

TEST(ComparisonTest, DifferencesArePairedOverQuestions) {
  const testing::TempDir dir;
  WriteRun(dir, "a", 200, Even);
  WriteRun(dir, "b", 200, Better);
  const Comparison comparison = CompareFiles(dir, {"a", "b"});
  ASSERT_THAT(comparison.rows, SizeIs(1));
  const ScoreDifference& difference = *comparison.rows[0].differences[1];
  EXPECT_TRUE(difference.paired);
  EXPECT_EQ(difference.pairs, 600U);
  EXPECT_NEAR(difference.value, 0.25 / 3, 1e-12);
  // A question's difference is 1/3 for a quarter of them and 0 for the others.
  const double error = std::sqrt(0.25 * 0.75 / 200) / 3;
  EXPECT_NEAR(difference.interval->low, difference.value - 1.96 * error, 0.004);
  EXPECT_NEAR(difference.interval->high, difference.value + 1.96 * error, 0.004);
  EXPECT_EQ(difference.mcnemar->only_a, 0U);
  EXPECT_EQ(difference.mcnemar->only_b, 50U);
  EXPECT_LT(*difference.p, 0.001);
  EXPECT_FALSE(comparison.rows[0].differences[0].has_value());
  EXPECT_THAT(comparison.notes, ElementsAre());
}

TEST(ComparisonTest, RelativeChangeByPosition) {
  const testing::TempDir dir;
  WriteRun(dir, "a", 200, Even);
  WriteRun(dir, "b", 200, Better);
  const Comparison comparison = CompareFiles(dir, {"a", "b"});
  ASSERT_THAT(comparison.positions, SizeIs(1));
  const auto& cells = comparison.positions[0].cells;
  ASSERT_THAT(cells, SizeIs(3));
  EXPECT_EQ(cells[1].position, 5);
  EXPECT_NEAR(*cells[0].relative_change[1], 0, 1e-12);
  EXPECT_NEAR(*cells[1].relative_change[1], 50, 1e-12);
  // One sample a question: McNemar's test itself.
  EXPECT_EQ(*cells[1].differences[1]->p, cells[1].differences[1]->mcnemar->p);
  EXPECT_EQ(*cells[2].differences[1]->p, 1);
}

TEST(ComparisonTest, NothingIsRelativeToZero) {
  const testing::TempDir dir;
  WriteRun(dir, "a", 20, [](int, int) { return false; });
  WriteRun(dir, "b", 20, Even);
  const Comparison comparison = CompareFiles(dir, {"a", "b"});
  EXPECT_FALSE(comparison.positions[0].cells[0].relative_change[1].has_value());
  EXPECT_THAT(RenderHtml(comparison), Not(HasSubstr("inf")));
}

TEST(ComparisonTest, WithoutSamplesTheIntervalIsThatOfIndependentRuns) {
  const testing::TempDir dir;
  WriteRun(dir, "a", 200, Even);
  WriteRun(dir, "b", 200, Better, false);
  const Comparison comparison = CompareFiles(dir, {"a", "b"});
  const ScoreDifference& difference = *comparison.rows[0].differences[1];
  EXPECT_FALSE(difference.paired);
  EXPECT_FALSE(difference.p.has_value());
  const double error = std::hypot(*comparison.rows[0].scores[0]->stderr_of_mean,
                                  *comparison.rows[0].scores[1]->stderr_of_mean);
  EXPECT_NEAR(difference.interval->high, difference.value + 1.959964 * error, 1e-6);
  EXPECT_THAT(comparison.notes, ElementsAre(HasSubstr("no samples in common")));
}

/// A run of five items in memory, as `meap eval` has them, of which those in `scored` have scores.
EvalRun RunOf(const std::string& name, const std::set<int>& scored) {
  std::vector<EvalSample> samples;
  for (int i = 0; i < 5; ++i) {
    EvalSample sample{.model = name, .task = "kv75", .id = std::to_string(i), .item = "x"};
    if (scored.contains(i)) {
      sample.metrics = {{"contains", 1}};
    } else {
      sample.skipped = "too long";
    }
    samples.push_back(sample);
  }
  const TaskSummary summary = Summarize(samples);
  return {name,
          "out.json",
          {{"results", {{"kv75", summary.results}}},
           {"n", {{"kv75", summary.n}}},
           {"counts", {{"kv75", summary.counts}}}},
          samples};
}

TEST(ComparisonTest, ATaskWithoutAScoreIsNoted) {
  const Comparison alone = Compare({RunOf("a", {})}, {});
  EXPECT_THAT(alone.rows, SizeIs(0));
  EXPECT_THAT(alone.notes, ElementsAre(HasSubstr("kv75, a: no score: 0 of 5 items")));
  EXPECT_THAT(RenderTerminal(alone, false), HasSubstr("note: kv75, a: no score"));
  // The other's scores are shown, whichever stands first.
  for (const bool first : {true, false}) {
    const Comparison both = first ? Compare({RunOf("a", {}), RunOf("b", {0, 1})}, {})
                                  : Compare({RunOf("b", {0, 1}), RunOf("a", {})}, {});
    ASSERT_THAT(both.rows, SizeIs(1));
    EXPECT_EQ(both.rows[0].scores[first ? 1 : 0]->n, 2U);
    EXPECT_EQ(both.rows[0].scores[first ? 0 : 1], std::nullopt);
    EXPECT_THAT(both.notes, ElementsAre(HasSubstr("kv75, a: no score")));
    EXPECT_THAT(RenderMarkdown(both), HasSubstr("| kv75 | contains |"));
  }
}

/// A run of the perplexity task over ten documents of 10 to 100 tokens, each token at
/// nll(document).
template <typename F>
EvalRun RunOverText(const std::string& name, const F& nll, bool with_samples) {
  EvalRun run{name, "out.json", {{"results", Json::object()}}, {}};
  TextSums all;
  for (int i = 1; i <= 10; ++i) {
    const TextSums sums{
        .logprob = -10.0 * i * nll(i), .tokens = 10 * i, .bytes = 40 * i, .words = 8 * i};
    all += sums;
    const std::string id = "text#" + std::to_string(i);
    run.samples.push_back({.model = name, .task = "perplexity", .id = id, .item = id});
    run.samples.back().metrics = TextScores(sums);
    run.samples.back().extra = TextSumsJson(sums);
  }
  Json& results = run.object["results"]["perplexity"];
  for (const auto& [metric, value] : TextScores(all)) {
    results[metric] = value;
    results[metric + "_stderr"] = nullptr;
  }
  run.object["breakdowns"]["perplexity"] = {
      {{"by", {"position"}}, {"cells", {{{"position", 1}, {"n", 10}, {"nll", 5}}}}}};
  if (!with_samples) run.samples.clear();
  return run;
}

TEST(ComparisonTest, FiguresOfAllTextAreNoMeansOfDocuments) {
  const auto even = [](int) { return 2.0; };
  const auto better_at_long = [](int i) { return i == 10 ? 1.0 : i == 1 ? 4.0 : 2.0; };
  const Comparison comparison = Compare(
      {RunOverText("a", even, true), RunOverText("b", better_at_long, true)}, {.resamples = 4000});
  ASSERT_THAT(comparison.rows, SizeIs(5));
  for (const MetricRow& row : comparison.rows) {
    const ScoreDifference& difference = *row.differences[1];
    EXPECT_TRUE(difference.paired) << row.metric;
    EXPECT_NEAR(difference.value, row.scores[1]->mean - row.scores[0]->mean, 1e-9) << row.metric;
    EXPECT_LT(difference.interval->low, difference.value) << row.metric;
    EXPECT_GT(difference.interval->high, difference.value) << row.metric;
  }
  // (4 - 2) x 10 tokens more and (2 - 1) x 100 fewer, over 550.
  EXPECT_NEAR(comparison.rows[0].differences[1]->value, -80.0 / 550, 1e-12);
  // Only two documents differ, by -100 and +20: no way to flip them gives less than 80.
  EXPECT_EQ(comparison.rows[0].differences[1]->p, 1);
  const auto better = [](int) { return 1.9; };
  const Comparison all_better =
      Compare({RunOverText("a", even, true), RunOverText("b", better, true)}, {});
  EXPECT_NEAR(*all_better.rows[1].differences[1]->p, 2.0 / 1024, 0.001);
  ASSERT_THAT(comparison.positions, SizeIs(1));  // of nll, the one metric that its cells have
  EXPECT_EQ(comparison.positions[0].metric, "nll");
}

TEST(ComparisonTest, WithoutSamplesAndErrorsThereIsNoInterval) {
  const auto even = [](int) { return 2.0; };
  const Comparison comparison =
      Compare({RunOverText("a", even, false), RunOverText("b", even, false)}, {});
  EXPECT_FALSE(comparison.rows[0].differences[1]->interval.has_value());
  EXPECT_TRUE(
      Json::parse(RenderJson(comparison))["metrics"][0]["differences"]["b"]["low"].is_null());
  EXPECT_THAT(RenderTerminal(comparison, false), Not(HasSubstr("[")));
}

/// A run with these mean scores of the metric "acc", without samples.
EvalRun RunWith(const std::string& name, const std::map<std::string, double>& tasks) {
  EvalRun run{name, name + ".json", {{"results", Json::object()}, {"n", Json::object()}}, {}};
  for (const auto& [task, score] : tasks) {
    run.object["results"][task] = {{"acc", score}, {"acc_stderr", 0.01}};
    run.object["n"][task] = 100;
    run.object["breakdowns"][task] = {
        {{"by", {"position"}}, {"cells", {{{"position", 1}, {"n", 100}, {"acc", score}}}}}};
    run.object["settings"]["task_settings"][task] = {{"chat_template", "none"}};
  }
  return run;
}

TEST(ComparisonTest, TasksThatNotAllRunsHaveAreShown) {
  const Comparison comparison =
      Compare({RunWith("a", {{"needle", 0.5}, {"perplexity", 9}}), RunWith("b", {{"needle", 0.6}}),
               RunWith("c", {{"kv75", 0.25}, {"needle", 0.7}})},
              {});
  ASSERT_THAT(comparison.rows, SizeIs(3));
  EXPECT_THAT(comparison.notes, Each(HasSubstr("needle")));  // nothing of tasks that one lacks
  EXPECT_EQ(comparison.rows[1].task, "perplexity");
  EXPECT_EQ(comparison.rows[1].scores[0]->mean, 9);
  EXPECT_EQ(comparison.rows[1].scores[1], std::nullopt);
  EXPECT_EQ(comparison.rows[2].task, "kv75");
  EXPECT_EQ(comparison.rows[2].scores[0], std::nullopt);
  EXPECT_EQ(comparison.rows[2].scores[2]->mean, 0.25);
  EXPECT_FALSE(comparison.rows[2].differences[2].has_value());
  EXPECT_THAT(RenderMarkdown(comparison),
              HasSubstr("| perplexity | acc | 100 | 9.0000 \u00b10.0100 | - | - | - | - | - |"));
  EXPECT_THAT(RenderMarkdown(comparison), HasSubstr("| kv75 | acc | 100 | - | - |"));
  EXPECT_TRUE(Json::parse(RenderJson(comparison))["metrics"][2]["scores"]["a"].is_null());
  const std::string html = RenderHtml(comparison);
  const size_t kv = html.find("kv75, acc by position");
  ASSERT_NE(kv, std::string::npos);
  EXPECT_EQ(html.find("<svg", kv), std::string::npos);  // no change to draw
}

TEST(ComparisonTest, MetricsThatNotAllRunsHaveAreShown) {
  EvalRun judged = RunWith("b", {{"xsum", 0.5}});
  judged.object["results"]["xsum"]["clean_local"] = 0.75;
  const Comparison comparison = Compare({RunWith("a", {{"xsum", 0.5}}), judged}, {});
  ASSERT_THAT(comparison.rows, SizeIs(2));
  EXPECT_EQ(comparison.rows[1].metric, "clean_local");
  EXPECT_EQ(comparison.rows[1].scores[0], std::nullopt);
  EXPECT_EQ(comparison.rows[1].scores[1]->mean, 0.75);
}

TEST(ComparisonTest, SettingsOfATaskAreComparedWhereBothHaveIt) {
  EvalRun other = RunWith("b", {{"needle", 0.5}, {"kv75", 0.5}});
  other.object["settings"]["task_settings"]["needle"] = {{"chat_template", "chatml"}};
  const Comparison comparison =
      Compare({RunWith("a", {{"mdqa10", 0.5}, {"needle", 0.5}}), other}, {});
  EXPECT_THAT(comparison.notes,
              ElementsAre(HasSubstr("different settings: of the task needle {\"chat_template\""),
                          HasSubstr("needle, b: no samples in common")));
}

TEST(ComparisonTest, ItemsThatOneSkippedAreNoMissingSamples) {
  const Comparison comparison = Compare({RunOf("a", {0, 1, 2}), RunOf("b", {3, 4})}, {});
  EXPECT_THAT(comparison.notes,
              ElementsAre(HasSubstr("no item that both runs scored (a: 3 of 5, b: 2 of 5)")));
  EXPECT_FALSE(comparison.rows[0].differences[1]->paired);
}

TEST(ComparisonTest, UnfairComparisonsAreNoted) {
  const testing::TempDir dir;
  WriteRun(dir, "a", 20, Even);
  WriteRun(dir, "b", 10, Even);
  Json run = Json::parse(ReadFile(dir / "b.json", "test"));
  run["settings"] = {{"dtype", "bf16"}, {"threads", 8}};
  std::ofstream(dir / "b.json") << run.dump();
  std::string lines = ReadFile(dir / "b.jsonl", "test");
  lines.replace(lines.find("prompt_hash\":\"") + 14, 16, "0000000000000000");
  std::ofstream(dir / "b.jsonl") << lines;
  const Comparison comparison = CompareFiles(dir, {"a", "b"});
  EXPECT_THAT(
      comparison.notes,
      ElementsAre(HasSubstr("dtype \"bf16\" and \"f32\""), HasSubstr("1 of 30 prompts differ"),
                  HasSubstr("30 samples were scored for one of the two alone")));
}

TEST(ComparisonTest, SeveralRunsInAFileAndEqualNames) {
  const testing::TempDir dir;
  WriteRun(dir, "a", 20, Even);
  const Json run = Json::parse(ReadFile(dir / "a.json", "test"));
  std::ofstream(dir / "both.json") << Json({{"runs", {run, run}}}).dump();
  const Comparison comparison = CompareFiles(dir, {"both", "a"});
  ASSERT_THAT(comparison.runs, SizeIs(3));
  EXPECT_EQ(comparison.runs[1].name, "a-2");
  EXPECT_EQ(comparison.runs[2].name, "a-3");
  EXPECT_EQ(comparison.rows[0].differences[2]->value, 0);
}

void WriteNeedleRun(const testing::TempDir& dir, const std::string& name, double deep) {
  std::vector<EvalSample> samples;
  for (const int length : {1000, 500}) {
    for (const int depth : {0, 50, 100}) {
      EvalSample sample{.model = name,
                        .task = "needle",
                        .id = std::to_string(samples.size()),
                        .item = std::to_string(samples.size())};
      sample.group = {{"length", length}, {"depth", depth}};
      sample.metrics = {{"hit", depth == 50 ? deep : 1}, {"rouge1", 5}};
      samples.push_back(sample);
    }
  }
  const TaskSummary summary = Summarize(samples);
  std::ofstream(dir / (name + ".json")) << Json({{"name", name},
                                                 {"results", {{"needle", summary.results}}},
                                                 {"n", {{"needle", summary.n}}},
                                                 {"breakdowns", {{"needle", summary.breakdowns}}}})
                                               .dump();
}

TEST(ComparisonTest, HeatMaps) {
  const testing::TempDir dir;
  WriteNeedleRun(dir, "a<&>", 0);
  WriteNeedleRun(dir, "b", 0.25);
  const Comparison comparison = CompareFiles(dir, {"a<&>", "b"});
  ASSERT_THAT(comparison.heat_maps, SizeIs(2));  // of the first metric alone
  const HeatMap& map = comparison.heat_maps[1];
  EXPECT_THAT(map.columns, ElementsAre(500, 1000));
  EXPECT_THAT(map.depths, ElementsAre(0, 50, 100));
  EXPECT_EQ(map.values[1][0], 0.25);
  EXPECT_THAT(RenderTerminal(comparison, true), HasSubstr("\x1b[48;5;17;38;5;231m"));
  EXPECT_THAT(RenderTerminal(comparison, false), Not(HasSubstr("\x1b")));
  const std::string html = RenderHtml(comparison);
  EXPECT_THAT(html, HasSubstr("background:rgb(255,255,217)"));
  EXPECT_THAT(html, HasSubstr("a&lt;&amp;&gt;"));
  EXPECT_THAT(html, Not(HasSubstr("http")));  // needs nothing from elsewhere
}

TEST(ComparisonTest, HeatMapOfFactsAndDepth) {
  const testing::TempDir dir;
  for (const std::string name : {"a", "b"}) {
    const Json cells = {{{"facts", 2}, {"depth", 0}, {"n", 4}, {"acc", 0.5}},
                        {{"facts", 3}, {"depth", 75}, {"n", 4}, {"acc", 0.25}}};
    std::ofstream(dir / (name + ".json"))
        << Json({{"name", name},
                 {"results", {{"retrieval", {{"acc", 0.375}}}}},
                 {"n", {{"retrieval", 8}}},
                 {"breakdowns", {{"retrieval", {{{"by", {"facts", "depth"}}, {"cells", cells}}}}}}})
               .dump();
  }
  const Comparison comparison = CompareFiles(dir, {"a", "b"});
  ASSERT_THAT(comparison.heat_maps, SizeIs(2));
  EXPECT_EQ(comparison.heat_maps[0].field, "facts");
  EXPECT_THAT(comparison.heat_maps[0].columns, ElementsAre(2, 3));
  EXPECT_EQ(comparison.heat_maps[0].values[1][1], 0.25);
  EXPECT_EQ(comparison.heat_maps[0].values[0][1], std::nullopt);
  EXPECT_THAT(RenderTerminal(comparison, false), HasSubstr("columns: facts)"));
  EXPECT_EQ(Json::parse(RenderJson(comparison))["heat_maps"][0]["field"], "facts");
}

TEST(RenderTest, EveryFormatHoldsTheNumbers) {
  const testing::TempDir dir;
  WriteRun(dir, "a", 200, Even);
  WriteRun(dir, "b", 200, Better);
  const Comparison comparison = CompareFiles(dir, {"a", "b"});
  EXPECT_THAT(RenderTerminal(comparison, false), HasSubstr("0.5000 \u00b10.0204"));
  EXPECT_THAT(RenderTerminal(comparison, false), HasSubstr("+50.0 %"));
  EXPECT_THAT(RenderMarkdown(comparison), HasSubstr("| mdqa10 | best_subspan_em | 600 | 0.5000"));
  EXPECT_THAT(RenderHtml(comparison), HasSubstr("<title>b: +50.0 %</title>"));
  const Json json = Json::parse(RenderJson(comparison));
  const Json& metric = json.at("metrics")[0];
  EXPECT_EQ(metric.at("scores").at("a").at("score"), 0.5);
  EXPECT_EQ(metric.at("differences").at("b").at("mcnemar").at("only_this"), 50);
  EXPECT_EQ(json.at("positions")[0].at("cells")[1].at("relative_change_percent").at("b"), 50.0);
  EXPECT_EQ(RenderJson(CompareFiles(dir, {"a", "b"})), RenderJson(comparison));
}

TEST(RenderTest, OneRunAlone) {
  const testing::TempDir dir;
  WriteRun(dir, "a", 20, Even);
  const Comparison comparison = CompareFiles(dir, {"a"});
  EXPECT_THAT(RenderMarkdown(comparison), HasSubstr("| mdqa10 |"));
  EXPECT_THAT(RenderHtml(comparison), Not(HasSubstr("<svg")));
}

TEST(ReadRunsTest, BadFilesAreNamed) {
  const testing::TempDir dir;
  const auto read = [&](const std::string& text) {
    std::ofstream(dir / "x.json") << text;
    return testing::ErrorOf([&] { ReadRuns(std::vector<fs::path>{dir / "x.json"}); });
  };
  EXPECT_THAT(read("[1]").where, HasSubstr("x.json"));
  EXPECT_THAT(read("{\"results\": {\"t\": 3}}").got, HasSubstr("results"));
  EXPECT_THAT(read("{\"results\": {\"t\": {\"acc\": \"x\"}}}").got, HasSubstr("results"));
  EXPECT_THAT(read("{\"results\": {}, \"samples\": \"gone.jsonl\"}").where,
              HasSubstr("gone.jsonl"));
  WriteRun(dir, "a", 20, Even);
  WriteNeedleRun(dir, "b", 0);
  EXPECT_THAT(testing::ErrorOf([&] {
                CompareFiles(dir, {"a", "b"});
              }).got,
              HasSubstr("a/mdqa10, b/needle"));
}

}  // namespace
}  // namespace meap
