#include "compare/comparison.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "compare/pairs.h"
#include "core/error.h"
#include "core/strings.h"

namespace meap {
namespace {

using Json = nlohmann::ordered_json;

/// The metrics of a task: names for which there is no longer name that they are the error of.
std::vector<std::string> MetricNames(const Json& results) {
  constexpr std::string_view kError = "_stderr";
  std::vector<std::string> names;
  for (const auto& [name, value] : results.items()) {
    if (!name.ends_with(kError) && value.is_number()) names.push_back(name);
  }
  return names;
}

bool HasTask(const EvalRun& run, const std::string& task) {
  return run.object.at("results").contains(task);
}

std::optional<RunScore> ScoreOf(const EvalRun& run, const std::string& task,
                                const std::string& metric) {
  const Json& results = run.object.at("results");
  if (!HasTask(run, task) || !results.at(task).contains(metric)) return std::nullopt;
  const Json& value = results.at(task).at(metric);
  if (!value.is_number()) return std::nullopt;
  RunScore score{.mean = value.get<double>()};
  const auto error = results.at(task).find(metric + "_stderr");
  if (error != results.at(task).end() && error->is_number()) {
    score.stderr_of_mean = error->get<double>();
  }
  const Json counts = run.object.value("n", Json::object());
  if (counts.is_object() && counts.contains(task) && counts.at(task).is_number()) {
    score.n = counts.at(task).get<size_t>();
  }
  return score;
}

/// The difference of two means without samples: normal, independent.
ScoreDifference UnpairedDifference(const RunScore& a, const RunScore& b, double confidence) {
  ScoreDifference difference{.value = b.mean - a.mean};
  if (!a.stderr_of_mean || !b.stderr_of_mean) return difference;
  const double error = std::hypot(*a.stderr_of_mean, *b.stderr_of_mean);
  // The normal quantile by bisection of its distribution function.
  double low = 0;
  double high = 10;
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    (std::erf(middle / std::sqrt(2.0)) < confidence ? low : high) = middle;
  }
  difference.interval = Interval{difference.value - low * error, difference.value + low * error};
  return difference;
}

MetricRow CompareMetric(const Comparison& comparison, const std::vector<TaskPairs>& pairs,
                        const std::string& task, const std::string& metric) {
  MetricRow row{.task = task, .metric = metric};
  for (size_t r = 0; r < comparison.runs.size(); ++r) {
    row.scores.push_back(ScoreOf(comparison.runs[r], task, metric));
    row.differences.emplace_back();
    if (r == 0 || !row.scores[0] || !row.scores[r]) continue;
    row.differences[r] = PooledDifference(pairs[r], metric, comparison.options);
    if (!row.differences[r]) {
      row.differences[r] = PairedDifference(pairs[r], metric, comparison.options);
    }
    if (!row.differences[r]) {
      row.differences[r] =
          UnpairedDifference(*row.scores[0], *row.scores[r], comparison.options.confidence);
    }
  }
  return row;
}

/// A task's breakdowns in a run, none where there are none.
Json BreakdownsOf(const EvalRun& run, const std::string& task) {
  const Json breakdowns = run.object.value("breakdowns", Json::object());
  return breakdowns.is_object() ? breakdowns.value(task, Json::array()) : Json::array();
}

/// Cells of a run's breakdown by exactly these fields.
Json CellsBy(const EvalRun& run, const std::string& task, const Json& fields) {
  for (const Json& table : BreakdownsOf(run, task)) {
    if (table.value("by", Json()) == fields) return table.value("cells", Json::array());
  }
  return Json::array();
}

std::optional<RunScore> ScoreOfCell(const Json& cells, const Json& position,
                                    const std::string& metric) {
  for (const Json& cell : cells) {
    if (cell.value("position", Json()) != position || !cell.contains(metric)) continue;
    if (!cell.at(metric).is_number()) continue;
    RunScore score{.mean = cell.at(metric).get<double>(), .n = cell.value("n", size_t{0})};
    const Json error = cell.value(metric + "_stderr", Json());
    if (error.is_number()) score.stderr_of_mean = error.get<double>();
    return score;
  }
  return std::nullopt;
}

PositionTable ComparePositions(const Comparison& comparison, const std::vector<TaskPairs>& pairs,
                               const std::string& task, const std::string& metric) {
  PositionTable table{.task = task, .metric = metric};
  std::vector<Json> cells;
  std::set<Json> positions;
  for (const EvalRun& run : comparison.runs) {
    cells.push_back(CellsBy(run, task, {"position"}));
    for (const Json& cell : cells.back()) {
      if (cell.contains(metric)) positions.insert(cell.value("position", Json()));
    }
  }
  for (const Json& position : positions) {
    PositionCell cell{.position = position};
    for (size_t r = 0; r < comparison.runs.size(); ++r) {
      const auto score = ScoreOfCell(cells[r], position, metric);
      const auto base = r == 0 ? score : cell.scores[0];
      cell.scores.push_back(score);
      cell.relative_change.emplace_back();
      cell.differences.emplace_back();
      if (r == 0 || !score || !base) continue;
      if (base->mean != 0) cell.relative_change[r] = 100 * (score->mean - base->mean) / base->mean;
      cell.differences[r] =
          PairedDifference(PairsAt(pairs[r], "position", position), metric, comparison.options);
    }
    table.cells.push_back(std::move(cell));
  }
  return table;
}

/// The first breakdown by depth and something else, or null.
Json CellsByDepth(const EvalRun& run, const std::string& task) {
  for (const Json& table : BreakdownsOf(run, task)) {
    const Json fields = table.value("by", Json::array());
    if (fields.size() > 1 && std::find(fields.begin(), fields.end(), "depth") != fields.end()) {
      return table;
    }
  }
  return nullptr;
}

std::optional<HeatMap> MapOf(const EvalRun& run, const std::string& task,
                             const std::string& metric) {
  const Json table = CellsByDepth(run, task);
  if (table.is_null()) return std::nullopt;
  // A third field (the number of needles) is averaged over.
  const Json& fields = table.at("by");
  HeatMap map{.task = task, .metric = metric, .run = run.name};
  map.field = fields[fields[0] == "depth" ? 1 : 0].get<std::string>();
  std::map<std::pair<double, double>, std::pair<double, double>> sums;  // (depth, column)
  std::set<double> columns;
  std::set<double> depths;
  for (const Json& cell : table.value("cells", Json::array())) {
    if (!cell.contains(metric) || !cell.at(metric).is_number()) continue;
    if (!cell.at(map.field).is_number() || !cell.at("depth").is_number()) continue;
    const auto column = cell.at(map.field).get<double>();
    const auto depth = cell.at("depth").get<double>();
    const double n = cell.value("n", 1.0);
    auto& sum = sums[{depth, column}];
    sum.first += n * cell.at(metric).get<double>();
    sum.second += n;
    columns.insert(column);
    depths.insert(depth);
  }
  if (sums.empty()) return std::nullopt;
  if (metric == "rouge1") map.full = 10;
  if (metric == "mrs") map.full = 100;
  map.columns.assign(columns.begin(), columns.end());
  map.depths.assign(depths.begin(), depths.end());
  for (const double depth : map.depths) {
    auto& row = map.values.emplace_back();
    for (const double column : map.columns) {
      const auto found = sums.find({depth, column});
      row.push_back(found == sums.end()
                        ? std::nullopt
                        : std::optional(found->second.first / found->second.second));
    }
  }
  return map;
}

void NoteSettings(Comparison& comparison) {
  const EvalRun& first = comparison.runs[0];
  for (const EvalRun& run : comparison.runs) {
    for (const DifferentSetting& setting : DifferingSettings(first, run)) {
      comparison.notes.push_back(run.name + " and " + first.name +
                                 " were run with different settings: " + setting.name + " " +
                                 setting.other.dump() + " and " + setting.first.dump());
    }
  }
}

/// "3 of 5" of a task's items, as the run's counts have it; "" where it has none.
std::string ScoredOf(const EvalRun& run, const std::string& task) {
  const Json all = run.object.value("counts", Json::object());
  const Json counts = all.is_object() ? all.value(task, Json::object()) : Json::object();
  if (!counts.is_object() || !counts.contains("scored") || !counts.contains("items")) return {};
  return counts.at("scored").dump() + " of " + counts.at("items").dump();
}

bool HasSamples(const EvalRun& run, const std::string& task) {
  return std::any_of(run.samples.begin(), run.samples.end(),
                     [&](const EvalSample& sample) { return sample.task == task; });
}

/// Why no difference of run `r` is over pairs.
std::string WithoutPairs(const Comparison& comparison, const std::string& task, size_t r) {
  const EvalRun& first = comparison.runs[0];
  const EvalRun& other = comparison.runs[r];
  if (!HasSamples(first, task) || !HasSamples(other, task)) {
    return "no samples in common (meap eval --samples keeps them), so intervals are those of "
           "independent runs";
  }
  return "no item that both runs scored (" + first.name + ": " + ScoredOf(first, task) + ", " +
         other.name + ": " + ScoredOf(other, task) +
         "), so intervals are those of independent runs";
}

/// True, with a note, for a run that has the task and no score: its items were all skipped.
bool NoteUnscored(Comparison& comparison, const EvalRun& run, const std::string& task) {
  const Json& results = run.object.at("results");
  if (!HasTask(run, task) || !MetricNames(results.at(task)).empty()) return false;
  const std::string scored = ScoredOf(run, task);
  comparison.notes.push_back(task + ", " + run.name + ": no score" +
                             (scored.empty() ? "" : ": " + scored + " items, the others skipped"));
  return true;
}

void NotePairs(Comparison& comparison, const std::string& task,
               const std::vector<TaskPairs>& pairs) {
  const bool nothing = NoteUnscored(comparison, comparison.runs[0], task);
  for (size_t r = 1; r < comparison.runs.size(); ++r) {
    if (NoteUnscored(comparison, comparison.runs[r], task) || nothing) continue;
    const std::string who = task + ", " + comparison.runs[r].name + ": ";
    if (pairs[r].other_prompts > 0) {
      comparison.notes.push_back(who + std::to_string(pairs[r].other_prompts) + " of " +
                                 std::to_string(pairs[r].pairs.size()) +
                                 " prompts differ from those of " + comparison.runs[0].name);
    }
    if (pairs[r].unpaired > 0 && !pairs[r].pairs.empty()) {
      comparison.notes.push_back(who + std::to_string(pairs[r].unpaired) +
                                 " samples were scored for one of the two alone; the difference is "
                                 "over the others");
    }
    if (pairs[r].pairs.empty() && HasTask(comparison.runs[0], task) &&
        HasTask(comparison.runs[r], task)) {
      comparison.notes.push_back(who + WithoutPairs(comparison, task, r));
    }
  }
}

/// Adds what is not there yet.
void AddNew(const std::string& name, std::vector<std::string>& names) {
  if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
}

/// The tasks that any run has: those of the first run, then what later ones add.
std::vector<std::string> TasksOf(const std::vector<EvalRun>& runs) {
  std::vector<std::string> tasks;
  for (const EvalRun& run : runs) {
    for (const auto& [task, ignored] : run.object.at("results").items()) AddNew(task, tasks);
  }
  return tasks;
}

/// The metrics that any run has of a task, in the same order.
std::vector<std::string> MetricsOf(const std::vector<EvalRun>& runs, const std::string& task) {
  std::vector<std::string> metrics;
  for (const EvalRun& run : runs) {
    if (!HasTask(run, task)) continue;
    for (const std::string& name : MetricNames(run.object.at("results").at(task))) {
      AddNew(name, metrics);
    }
  }
  return metrics;
}

/// Without a task that the first run and another one have, there is nothing to compare.
void RequireCommonTask(const std::vector<EvalRun>& runs) {
  std::vector<std::string> tasks;
  for (const EvalRun& run : runs) {
    for (const auto& [task, ignored] : run.object.at("results").items()) {
      if (&run != &runs[0] && HasTask(runs[0], task)) return;
      tasks.push_back(run.name + "/" + task);
    }
  }
  throw InputError({.what = "the runs have no task in common with the first one",
                    .where = runs[0].file.string(),
                    .got = Join(tasks, ", ")});
}

void CompareTask(Comparison& comparison, const std::string& task) {
  std::vector<TaskPairs> pairs;
  for (const EvalRun& run : comparison.runs) {
    pairs.push_back(PairSamples(comparison.runs[0], run, task));
  }
  NotePairs(comparison, task, pairs);
  const std::vector<std::string> metrics = MetricsOf(comparison.runs, task);
  for (const std::string& metric : metrics) {
    comparison.rows.push_back(CompareMetric(comparison, pairs, task, metric));
    PositionTable table = ComparePositions(comparison, pairs, task, metric);
    if (!table.cells.empty()) comparison.positions.push_back(std::move(table));
  }
  for (const EvalRun& run : comparison.runs) {
    if (metrics.empty()) break;
    if (auto map = MapOf(run, task, metrics.front())) {
      comparison.heat_maps.push_back(std::move(*map));
    }
  }
}

}  // namespace

Comparison Compare(std::vector<EvalRun> runs, const CompareOptions& options) {
  MEAP_CHECK(!runs.empty(), "at least one run");
  Comparison comparison{.options = options, .runs = std::move(runs)};
  MakeNamesDifferent(comparison.runs);
  if (comparison.runs.size() > 1) RequireCommonTask(comparison.runs);
  NoteSettings(comparison);
  for (const std::string& task : TasksOf(comparison.runs)) CompareTask(comparison, task);
  return comparison;
}

}  // namespace meap
