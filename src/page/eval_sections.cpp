#include "page/eval_sections.h"

#include <fmt/format.h>

#include <algorithm>

#include "compare/tables.h"
#include "page/eval_groups.h"

namespace meap {
namespace {

using Json = nlohmann::ordered_json;

PageTable TableOf(const std::string& id, const TextTable& text) {
  PageTable table{.id = id, .title = text.title, .header = text.header, .rows = text.rows};
  while (table.left_columns < table.header.size() && table.header[table.left_columns] == "metric") {
    ++table.left_columns;
  }
  return table;
}

Json OrNull(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

Figure PositionFigure(const Comparison& comparison, const PositionTable& positions,
                      RunColors& colors) {
  Figure figure{.id = Slug("position-" + positions.task + "-" + positions.metric),
                .title = positions.task + ": " + positions.metric + " by position",
                .caption = "Position of the document (or key) that holds the answer.",
                .kind = Figure::Kind::kBars,
                .x_label = "position",
                .y_label = positions.metric};
  figure.columns.push_back("position");
  for (size_t r = 0; r < comparison.runs.size(); ++r) {
    figure.columns.push_back(comparison.runs[r].name);
    figure.series.push_back(
        {.name = comparison.runs[r].name, .color = colors.Of(comparison.runs[r].name)});
  }
  for (const PositionCell& cell : positions.cells) {
    auto& row = figure.rows.emplace_back();
    row.push_back(cell.position);
    for (const auto& score : cell.scores) {
      row.push_back(score ? Json(score->mean) : Json(nullptr));
    }
  }
  return figure;
}

/// The paper's figure: change against the first run in per cent.
Figure ChangeFigure(const Comparison& comparison, const PositionTable& positions,
                    RunColors& colors) {
  Figure figure{.id = Slug("change-" + positions.task + "-" + positions.metric),
                .title = positions.task + ": change of " + positions.metric + " by position",
                .caption = "Relative to " + comparison.runs[0].name + ", per cent.",
                .kind = Figure::Kind::kBars,
                .x_label = "position",
                .y_label = "per cent"};
  figure.columns.push_back("position");
  for (size_t r = 1; r < comparison.runs.size(); ++r) {
    figure.columns.push_back(comparison.runs[r].name);
    figure.series.push_back(
        {.name = comparison.runs[r].name, .color = colors.Of(comparison.runs[r].name)});
  }
  for (const PositionCell& cell : positions.cells) {
    auto& row = figure.rows.emplace_back();
    row.push_back(cell.position);
    for (size_t r = 1; r < cell.relative_change.size(); ++r) {
      row.push_back(OrNull(cell.relative_change[r]));
    }
  }
  return figure;
}

Figure HeatFigure(const HeatMap& map, size_t index) {
  Figure figure{.id = Slug("heat-" + map.task + "-" + std::to_string(index)),
                .title = map.run + ": " + map.task + ", " + map.metric,
                .caption =
                    "Score of a fact that stands at a depth (0: the beginning) of a text, by the "
                    "text's " +
                    map.field + ".",
                .kind = Figure::Kind::kHeatMap,
                .x_label = map.field == "length" ? "length, tokens" : map.field,
                .y_label = "depth, per cent"};
  figure.range = {0.0, map.full};
  figure.columns.push_back("depth");
  for (const double column : map.columns) figure.columns.push_back(fmt::format("{:g}", column));
  for (size_t d = 0; d < map.depths.size(); ++d) {
    auto& row = figure.rows.emplace_back();
    row.emplace_back(map.depths[d]);
    for (const auto& value : map.values[d]) row.push_back(OrNull(value));
  }
  return figure;
}

void AddComparison(const Comparison& comparison, const std::string& suffix, RunColors& colors,
                   PageSection& scores, PageSection& positions, PageSection& maps) {
  const std::vector<ComparisonTable> tables = MakeTables(comparison);
  scores.AddTable(TableOf("scores" + suffix, tables.front().text));
  for (const std::string& line : Legend(comparison)) scores.AddText(line);
  for (const std::string& note : comparison.notes) scores.AddText("Note: " + note + ".");
  for (const ComparisonTable& table : tables) {
    if (table.positions < 0) continue;
    const PositionTable& table_positions =
        comparison.positions[static_cast<size_t>(table.positions)];
    positions.AddHtml("<div class=pair>\n");
    positions.AddFigure(PositionFigure(comparison, table_positions, colors));
    if (comparison.runs.size() > 1)
      positions.AddFigure(ChangeFigure(comparison, table_positions, colors));
    positions.AddHtml("</div>\n");
    positions.AddTable(TableOf("table-" + Slug(table.text.title) + suffix, table.text));
  }
  if (comparison.heat_maps.empty()) return;
  maps.AddHtml("<div class=pair>\n");
  for (const HeatMap& map : comparison.heat_maps) {
    maps.AddFigure(HeatFigure(map, maps.figures().size()));
  }
  maps.AddHtml("</div>\n");
}

std::string ShareText(const Json& results, const std::string& metric) {
  if (!results.contains(metric) || !results.at(metric).is_number()) return "-";
  std::string text = fmt::format("{:.4f}", results.at(metric).get<double>());
  const Json error = results.value(metric + "_stderr", Json());
  return error.is_number() ? text + fmt::format(" \u00b1{:.4f}", error.get<double>()) : text;
}

std::string NumberText(const Json& object, const char* key, int digits) {
  const Json value = object.value(key, Json());
  return value.is_number() ? fmt::format("{:.{}f}", value.get<double>(), digits) : "-";
}

/// Verdicts and agreement that `meap judge` wrote into a run.
void AddVerdicts(const EvalRun& run, PageTable& shares, PageTable& pairs) {
  const Json verdicts = run.object.value("verdicts", Json::object());
  for (const auto& [task, of_task] : verdicts.items()) {
    const Json by_judge = of_task.value("counts", Json::object());
    for (const auto& [judge, counts] : by_judge.items()) {
      shares.rows.push_back(
          {task, run.name, judge,
           ShareText(run.object.at("results").value(task, Json::object()), "clean_" + judge),
           NumberText(counts, "clean", 0), NumberText(counts, "hallucination", 0),
           NumberText(counts, "undecided", 0), NumberText(of_task, "empty", 0)});
    }
    for (const Json& pair : of_task.value("agreement", Json::array())) {
      std::vector<std::string> names = pair.value("judges", std::vector<std::string>());
      names.resize(2);
      pairs.rows.push_back({task, run.name, names[0] + ", " + names[1], NumberText(pair, "n", 0),
                            NumberText(pair, "share", 3), NumberText(pair, "kappa", 3)});
    }
  }
}

PageSection JudgeSection(const std::vector<EvalRun>& runs) {
  PageSection section("Summaries, judged");
  PageTable shares{.id = "verdicts",
                   .title = "Share of summaries without hallucination",
                   .header = {"task", "model", "judge", "clean share", "clean", "hallucination",
                              "undecided", "empty"},
                   .left_columns = 3};
  PageTable pairs{.id = "judge-agreement",
                  .title = "Agreement of the judges",
                  .header = {"task", "model", "judges", "n", "agree", "Cohen's kappa"},
                  .left_columns = 3};
  PageTable people{.id = "judge-calibration",
                   .title = "Judges beside people",
                   .header = {"judge", "n", "undecided", "balanced accuracy", "Cohen's kappa"}};
  for (const EvalRun& run : runs) {
    AddVerdicts(run, shares, pairs);
    if (!people.rows.empty()) continue;  // one calibration for all runs of a file
    const Json calibration = run.object.value("calibration", Json::object());
    const Json judges = calibration.value("judges", Json::object());
    for (const auto& [judge, of_judge] : judges.items()) {
      people.rows.push_back(
          {judge, NumberText(of_judge, "n", 0), NumberText(of_judge, "undecided", 0),
           NumberText(of_judge, "balanced_accuracy", 3), NumberText(of_judge, "kappa", 3)});
    }
  }
  for (const PageTable* table : {&shares, &pairs, &people}) {
    if (!table->rows.empty()) section.AddTable(*table);
  }
  return section;
}

}  // namespace

std::vector<PageSection> EvaluationSections(std::vector<EvalRun> runs, RunColors& colors) {
  PageSection scores("Scores");
  PageSection positions("By position");
  PageSection maps("By depth");
  PageSection judged = JudgeSection(runs);
  size_t number = 0;
  for (std::vector<EvalRun>& group : ComparableGroups(std::move(runs))) {
    const std::string suffix = number++ == 0 ? "" : "-" + std::to_string(number);
    AddComparison(Compare(std::move(group), CompareOptions()), suffix, colors, scores, positions,
                  maps);
  }
  return {std::move(scores), std::move(positions), std::move(maps), std::move(judged)};
}

}  // namespace meap
