#include "page/page.h"

#include <gmock/gmock.h>

#include <fstream>

#include "page/assets.h"
#include "page/attention_section.h"
#include "page/eval_groups.h"
#include "page/model_names.h"
#include "page/report.h"
#include "page/training_run.h"
#include "report/metrics.h"
#include "tests/support.h"

namespace meap {
namespace {

using Json = nlohmann::ordered_json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;
using ::testing::SizeIs;

TEST(FigureTest, SeriesOfDifferentStepsShareATable) {
  SeriesTable table("step");
  table.Add("a", {{1, 10}, {2, 20}});
  table.Add("b", {{2, 5}, {4, 6}});
  Figure figure;
  table.Fill(figure);
  EXPECT_THAT(figure.columns, ElementsAre("step", "a", "b"));
  ASSERT_THAT(figure.rows, SizeIs(3));
  EXPECT_EQ(Json(figure.rows), Json::parse("[[1,10.0,null],[2,20.0,5.0],[4,null,6.0]]"));
}

TEST(FigureTest, ThinningKeepsMeanAndEnd) {
  SeriesTable::Points points;
  for (int i = 1; i <= 1000; ++i) points.emplace_back(i, i);
  const auto thinned = Thinned(points, 10);
  ASSERT_THAT(thinned, SizeIs(10));
  EXPECT_THAT(thinned.front(), Pair(100, 50.5));
  EXPECT_THAT(thinned.back(), Pair(1000, 950.5));
  EXPECT_EQ(Thinned(points, 1000), points);
}

TEST(FigureTest, ARunKeepsItsColor) {
  RunColors colors;
  EXPECT_EQ(colors.Of("ntp"), 0U);
  EXPECT_EQ(colors.Of("meap"), 1U);
  EXPECT_EQ(colors.Of("ntp"), 0U);
}

TEST(HtmlTest, TextsAreEscaped) {
  EXPECT_EQ(Slug("MDQA20, best_subspan_em by position!"), "mdqa20-best-subspan-em-by-position");
  const std::string html = TableHtml(
      {.id = "t", .title = "a < b", .header = {"run", "\"x\""}, .rows = {{"<script>", "1 & 2"}}});
  EXPECT_THAT(html, HasSubstr("a &lt; b"));
  EXPECT_THAT(html, HasSubstr("&lt;script&gt;"));
  EXPECT_THAT(html, HasSubstr("1 &amp; 2"));
  EXPECT_THAT(html, Not(HasSubstr("<script>")));
}

TEST(PageTest, DataCannotEndItsScript) {
  PageSection section("S");
  section.AddFigure({.id = "f",
                     .title = "t",
                     .columns = {"step", "</script><b>"},
                     .rows = {{1, 2}},
                     .series = {{.name = "</script>"}}});
  PageSection nothing("Nothing");
  nothing.AddFigure({.id = "g", .title = "t", .columns = {"step", "a"}, .rows = {{1, nullptr}}});
  const std::string html = RenderPage({.title = "T"}, {section, nothing}, "plotly");
  EXPECT_THAT(html, HasSubstr("\\u003c/script>\\u003cb>"));
  EXPECT_THAT(html, Not(HasSubstr("Nothing")));
  EXPECT_THAT(html, HasSubstr("data-reload=\"0\""));
}

TEST(PlotlyTest, AnotherFileIsNoPlotly) {
  const testing::TempDir dir;
  std::ofstream(dir / "x.js") << "alert(1)";
  EXPECT_THAT(testing::ErrorOf([&] { PlotlyScript(dir / "x.js"); }).what, "not plotly.js");
}

void WriteRun(const fs::path& folder, const std::string& recipe, const std::string& metrics) {
  fs::create_directories(folder);
  std::ofstream(folder / "recipe.yaml") << recipe;
  std::ofstream(folder / "metrics.jsonl") << metrics;
}

TEST(TrainingRunTest, ReadsWhatIsThere) {
  const testing::TempDir dir;
  WriteRun(dir / "a", "objective:\n  name: ntp\ndata:\n  train: [x, y]\noutput: a\n",
           "{\"step\":1,\"loss\":5,\"lr\":null}\n{\"step\":2,\"loss\":4}\n"
           "{\"step\":2,\"validation_loss\":4.5}\n{\"step\":3,\"lo");
  WriteRun(dir / "b", "objective:\n  name: meap\ndata:\n  train: [x, y]\noutput: b\n", "");
  const TrainingRun a = ReadTrainingRun(dir / "a", "a");
  EXPECT_THAT(a.Metric("loss"), ElementsAre(Pair(1, 5), Pair(2, 4)));
  EXPECT_THAT(a.Metric("validation_loss"), ElementsAre(Pair(2, 4.5)));
  EXPECT_THAT(a.Metric("lr"), ElementsAre());
  EXPECT_EQ(a.last_step, 2);
  EXPECT_EQ(a.state, RunState::kStopped);
  const auto differences = RecipeDifferences({a, ReadTrainingRun(dir / "b", "b")});
  EXPECT_THAT(differences, ElementsAre(Pair("objective.name", ElementsAre("ntp", "meap"))));
}

TEST(TrainingRunTest, ARunIsFinishedWithItsLastStepAndItsModel) {
  const testing::TempDir dir;
  const auto state = [&] { return ReadTrainingRun(dir / "a", "a").state; };
  WriteRun(dir / "a", "train:\n  steps: 2\n", "{\"step\":1}\n{\"step\":2}\n");
  EXPECT_EQ(state(), RunState::kStopped);
  fs::create_directory(dir / "a" / "hf");
  EXPECT_EQ(state(), RunState::kFinished);
  std::ofstream(dir / "a" / "recipe.yaml") << "train:\n  steps: 3\n";  // it goes on
  EXPECT_EQ(state(), RunState::kStopped);
  {
    MetricsWriter writer(dir / "a" / "metrics.jsonl", 2);
    EXPECT_EQ(state(), RunState::kTraining);
    EXPECT_FALSE(AllEnded({.training = {dir / "a"}}));
    writer.Append({{"step", 3}});
    EXPECT_EQ(state(), RunState::kTraining);  // its model is not exported anew
  }
  EXPECT_EQ(state(), RunState::kFinished);
  EXPECT_TRUE(AllEnded({.training = {dir / "a"}}));
  std::ofstream(dir / "a" / "recipe.yaml") << "train:\n  steps: 0\n  epochs: 1\n";
  EXPECT_EQ(state(), RunState::kFinished);
}

TEST(TrainingRunTest, ABrokenLineIsNamed) {
  const testing::TempDir dir;
  WriteRun(dir / "a", "", "{\"step\":1}\nnonsense\n{\"step\":2}\n");
  const ErrorParts parts = testing::ErrorOf([&] { ReadTrainingRun(dir / "a", "a"); });
  EXPECT_THAT(parts.where, HasSubstr("metrics.jsonl:2"));
}

TEST(ReportInputsTest, FoldersAndFilesAreSorted) {
  const testing::TempDir dir;
  WriteRun(dir / "runs" / "meap", "", "");
  WriteRun(dir / "runs" / "ntp", "", "");
  const std::string results = R"({"name": "ntp", "results": {"xsum": {"clean": 0.5}})";
  std::ofstream(dir / "runs" / "results.json") << results << "}";
  std::ofstream(dir / "runs" / "judged.json") << results << R"(, "verdicts": {}})";
  std::ofstream(dir / "runs" / "summary.json") << R"({"steps": 3})";
  std::ofstream(dir / "runs" / "ntp" / "segments.json")
      << R"({"segments": [{"name": "a", "tokens": 1, "share": 1.0}]})";
  const ReportInputs inputs = FindReportInputs({dir / "runs", dir / "runs" / "ntp"});
  EXPECT_THAT(inputs.training, ElementsAre(dir / "runs" / "meap", dir / "runs" / "ntp"));
  EXPECT_THAT(inputs.results, ElementsAre(dir / "runs" / "judged.json"));
  EXPECT_THAT(inputs.attention, ElementsAre(dir / "runs" / "ntp" / "segments.json"));
  for (const char* path : {"runs/summary.json", "nowhere"}) {
    const ErrorParts parts = testing::ErrorOf([&] { FindReportInputs({dir / path}); });
    EXPECT_EQ(parts.what, "nothing to report on");
  }
}

TEST(ReportInputsTest, WhatIsNotThereYetIsAwaited) {
  const testing::TempDir dir;
  WriteRun(dir / "ntp", "", "");
  fs::create_directory(dir / "empty");
  std::ofstream(dir / "notes.txt") << "no report";
  const ReportInputs inputs = FindReportInputs({dir / "ntp", dir / "empty", dir / "gone"}, true);
  EXPECT_THAT(inputs.training, ElementsAre(dir / "ntp"));
  EXPECT_THAT(inputs.awaited, ElementsAre(dir / "empty", dir / "gone"));
  EXPECT_FALSE(AllEnded(inputs));
  testing::ErrorOf([&] { FindReportInputs({dir / "notes.txt"}, true); });
  testing::ErrorOf([&] { FindReportInputs({dir / "empty"}); });
}

TEST(ModelNamesTest, AModelHasOneName) {
  const testing::TempDir dir;
  TrainingRun first{.name = "ntp", .folder = dir / "a" / "ntp"};
  TrainingRun second{.name = "ntp-2", .folder = dir / "b" / "ntp"};
  ModelNames names({first, second});
  EXPECT_EQ(names.Of("ntp", (dir / "b" / "." / "ntp" / "hf").string()), "ntp-2");
  EXPECT_EQ(names.Of("ntp", "elsewhere/ntp/hf"), "ntp");
  EXPECT_EQ(names.Of("meap", "meap/hf", "1"), "meap");
  EXPECT_EQ(names.Of("meap", "meap/hf", "2"), "meap-2");
  EXPECT_EQ(names.Of("meap", "moved/meap/hf", "1"), "meap");
  EXPECT_EQ(names.Of("meap", "meap/hf", ""), "meap");
}

EvalRun RunOf(const std::string& name, const std::vector<std::string>& tasks,
              const std::string& dtype = "f32") {
  EvalRun run{name, name + ".json", {{"model", name}, {"settings", {{"dtype", dtype}}}}, {}};
  for (const std::string& task : tasks) {
    run.object["results"][task] = {{"acc", 0.5}};
    run.object["settings"]["tasks"].push_back(task);
    run.samples.push_back({.model = name, .task = task, .id = "0", .item = "0"});
  }
  return run;
}

/// "name: task task" of each.
std::vector<std::string> Described(const std::vector<EvalRun>& runs) {
  std::vector<std::string> all;
  for (const EvalRun& run : runs) {
    std::string& text = all.emplace_back(run.name + ":");
    for (const auto& [task, ignored] : run.object.at("results").items()) text += " " + task;
    EXPECT_EQ(run.samples.size(), run.object.at("results").size());
  }
  return all;
}

TEST(EvalGroupsTest, TasksOfAModelAreJoined) {
  EXPECT_THAT(Described(JoinedByModel({RunOf("ntp", {"needle"}), RunOf("meap", {"needle"}),
                                       RunOf("ntp", {"kv", "mrs"}), RunOf("meap", {"kv"})})),
              ElementsAre("ntp: needle kv mrs", "meap: needle kv"));
  // A task run twice, and other settings.
  EXPECT_THAT(Described(JoinedByModel({RunOf("ntp", {"needle"}), RunOf("ntp", {"needle", "kv"}),
                                       RunOf("ntp", {"mrs"}, "bf16")})),
              ElementsAre("ntp: needle", "ntp: needle kv", "ntp: mrs"));
}

TEST(EvalGroupsTest, RunsThatShareTasksStandTogether) {
  std::vector<std::vector<std::string>> groups;
  for (const auto& group :
       ComparableGroups({RunOf("a", {"needle"}), RunOf("b", {"kv"}), RunOf("c", {"xsum"}),
                         RunOf("d", {"mrs", "kv"}), RunOf("e", {"needle", "mrs"})})) {
    groups.push_back(Described(group));
  }
  EXPECT_THAT(groups, ElementsAre(ElementsAre("a: needle", "b: kv", "d: mrs kv", "e: needle mrs"),
                                  ElementsAre("c: xsum")));
}

TEST(AttentionSectionTest, ModelsOfOtherShapesAreComparedInAllAlone) {
  const Json change = {{"value", 0.5}, {"low", nullptr}, {"high", nullptr}};
  Json result = {{"length", 8},
                 {"ratio", 0.5},
                 {"windows", 1},
                 {"decay", change},
                 {"variance_increase", change},
                 {"layers", Json::array()}};
  const Json pair = {{"name", "b"}, {"baseline", "a"}, {"results", {result}}};
  Json layer = {{"layer", 0}, {"decay", change}, {"variance_increase", change}};
  layer["heads"] = {{{"head", 0}, {"decay", change}, {"variance_increase", change}}};
  result["layers"].push_back(layer);
  const Json document = {
      {"format", "meap-attention-decay-1"},
      {"runs", {{{"name", "a"}, {"results", {result}}}, {{"name", "b"}, {"results", {result}}}}},
      {"between", {pair}}};
  RunColors colors;
  const PageSection section = AttentionSection({document}, ModelNames({}), colors);
  EXPECT_THAT(section.html(), HasSubstr("b(X') against a(X)"));
  std::vector<std::string> ids;
  for (const Figure& figure : section.figures()) ids.push_back(figure.id);
  EXPECT_THAT(ids,
              ElementsAre("decay-0-layers-0", "variance-0-layers-0", "decay-0-heads-0-0",
                          "variance-0-heads-0-0", "decay-0-heads-1-0", "variance-0-heads-1-0"));
  EXPECT_THAT(section.figures()[0].columns, ElementsAre("layer", "a", "b"));
}

TEST(AttentionSectionTest, AFileOfAnotherShapeIsAnInputError) {
  RunColors colors;
  const Json document = {{"format", "meap-attention-decay-1"}, {"runs", {{{"results", 3}}}}};
  ASSERT_TRUE(IsAttentionReport(document));
  testing::ErrorOf([&] { AttentionSection({document}, ModelNames({}), colors); });
}

}  // namespace
}  // namespace meap
