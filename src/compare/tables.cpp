#include "compare/tables.h"

#include <fmt/format.h>

#include <algorithm>

namespace meap {
namespace {

constexpr const char* kNothing = "-";

std::string ScoreText(const std::optional<RunScore>& score) {
  if (!score) return kNothing;
  if (!score->stderr_of_mean) return fmt::format("{:.4f}", score->mean);
  return fmt::format("{:.4f} \u00b1{:.4f}", score->mean, *score->stderr_of_mean);
}

std::string DifferenceText(const std::optional<ScoreDifference>& difference) {
  if (!difference) return kNothing;
  if (!difference->interval) return fmt::format("{:+.4f}", difference->value);
  return fmt::format("{:+.4f} [{:+.4f}, {:+.4f}]{}", difference->value, difference->interval->low,
                     difference->interval->high, difference->paired ? "" : " *");
}

std::string TestText(const std::optional<ScoreDifference>& difference) {
  if (!difference || !difference->p) return kNothing;
  return *difference->p < 0.0001 ? "<0.0001" : fmt::format("{:.4f}", *difference->p);
}

std::string CountsText(const std::optional<ScoreDifference>& difference) {
  if (!difference || !difference->mcnemar) return kNothing;
  return fmt::format("{} : {}", difference->mcnemar->only_a, difference->mcnemar->only_b);
}

/// Items behind the scores, as the first run that has one says.
std::string ItemsText(const MetricRow& row) {
  const auto found = std::find_if(row.scores.begin(), row.scores.end(),
                                  [](const auto& score) { return score.has_value(); });
  return found == row.scores.end() ? kNothing : std::to_string((*found)->n);
}

std::string Number(double value) { return fmt::format("{:g}", value); }

TextTable ScoreTable(const Comparison& comparison) {
  TextTable table{.title = "Scores", .header = {"task", "metric", "n"}};
  for (size_t r = 0; r < comparison.runs.size(); ++r) {
    table.header.push_back(comparison.runs[r].name);
    if (r > 0) table.header.insert(table.header.end(), {"difference", "p", "only"});
  }
  for (const MetricRow& row : comparison.rows) {
    std::vector<std::string> cells = {row.task, row.metric, ItemsText(row)};
    for (size_t r = 0; r < row.scores.size(); ++r) {
      cells.push_back(ScoreText(row.scores[r]));
      if (r == 0) continue;
      cells.push_back(DifferenceText(row.differences[r]));
      cells.push_back(TestText(row.differences[r]));
      cells.push_back(CountsText(row.differences[r]));
    }
    table.rows.push_back(std::move(cells));
  }
  return table;
}

ComparisonTable PositionText(const Comparison& comparison, size_t index) {
  const PositionTable& positions = comparison.positions[index];
  TextTable table{.title = positions.task + ", " + positions.metric + " by position",
                  .header = {"position"}};
  for (size_t r = 0; r < comparison.runs.size(); ++r) {
    table.header.push_back(comparison.runs[r].name);
    if (r > 0) table.header.insert(table.header.end(), {"relative change", "difference", "p"});
  }
  for (const PositionCell& cell : positions.cells) {
    std::vector<std::string> cells = {PositionName(cell.position)};
    for (size_t r = 0; r < cell.scores.size(); ++r) {
      cells.push_back(ScoreText(cell.scores[r]));
      if (r == 0) continue;
      cells.push_back(cell.relative_change[r] ? fmt::format("{:+.1f} %", *cell.relative_change[r])
                                              : kNothing);
      cells.push_back(DifferenceText(cell.differences[r]));
      cells.push_back(TestText(cell.differences[r]));
    }
    table.rows.push_back(std::move(cells));
  }
  return {.text = std::move(table), .positions = static_cast<int>(index)};
}

ComparisonTable HeatText(const Comparison& comparison, size_t index) {
  const HeatMap& map = comparison.heat_maps[index];
  TextTable table{.title = map.task + ", " + map.metric + ", " + map.run +
                           " (rows: depth in per cent, columns: " + map.field +
                           (map.field == "length" ? " in tokens)" : ")"),
                  .header = {"depth"}};
  for (const double column : map.columns) table.header.push_back(Number(column));
  for (size_t d = 0; d < map.depths.size(); ++d) {
    std::vector<std::string> cells = {Number(map.depths[d])};
    for (const auto& value : map.values[d]) {
      cells.push_back(value ? fmt::format("{:.{}f}", *value, map.full > 10 ? 0 : 2) : "");
    }
    table.rows.push_back(std::move(cells));
  }
  return {.text = std::move(table), .heat_map = static_cast<int>(index)};
}

}  // namespace

std::vector<ComparisonTable> MakeTables(const Comparison& comparison) {
  std::vector<ComparisonTable> tables = {{.text = ScoreTable(comparison)}};
  for (size_t i = 0; i < comparison.positions.size(); ++i) {
    tables.push_back(PositionText(comparison, i));
  }
  for (size_t i = 0; i < comparison.heat_maps.size(); ++i) {
    tables.push_back(HeatText(comparison, i));
  }
  return tables;
}

std::vector<std::string> Legend(const Comparison& comparison) {
  if (comparison.runs.size() < 2) return {"score \u00b1 standard error"};
  const CompareOptions& options = comparison.options;
  std::vector<std::string> lines = {
      fmt::format(
          "score \u00b1 standard error; difference: minus {}, with the {:g} % interval of a "
          "paired bootstrap over questions ({} draws)",
          comparison.runs[0].name, 100 * options.confidence, options.resamples),
      "p: McNemar's exact test for scores of 0 and 1 on independent questions, else a sign-flip "
      "test over questions",
      fmt::format("only: samples that {} alone has right : that the other alone has right",
                  comparison.runs[0].name)};
  const bool unpaired =
      std::any_of(comparison.rows.begin(), comparison.rows.end(), [](const MetricRow& row) {
        return std::any_of(row.differences.begin(), row.differences.end(),
                           [](const auto& d) { return d && !d->paired && d->interval; });
      });
  if (unpaired) lines.push_back("*: no samples in common, interval of independent runs");
  return lines;
}

std::string PositionName(const nlohmann::ordered_json& position) {
  return position.is_string() ? position.get<std::string>() : position.dump();
}

double HeatShare(const HeatMap& map, double value) {
  return std::clamp(value / map.full, 0.0, 1.0);
}

}  // namespace meap
