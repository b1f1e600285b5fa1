#include "compare/render.h"

namespace meap {
namespace {

using Json = nlohmann::ordered_json;

template <typename T>
Json OrNull(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json ScoreJson(const std::optional<RunScore>& score) {
  if (!score) return nullptr;
  return {{"score", score->mean}, {"stderr", OrNull(score->stderr_of_mean)}, {"n", score->n}};
}

Json DifferenceJson(const std::optional<ScoreDifference>& difference) {
  if (!difference) return nullptr;
  const std::optional<Interval>& interval = difference->interval;
  Json object = {{"difference", difference->value},
                 {"low", interval ? Json(interval->low) : Json(nullptr)},
                 {"high", interval ? Json(interval->high) : Json(nullptr)},
                 {"paired", difference->paired},
                 {"pairs", difference->pairs},
                 {"p", OrNull(difference->p)}};
  if (difference->mcnemar) {
    object["mcnemar"] = {{"only_first", difference->mcnemar->only_a},
                         {"only_this", difference->mcnemar->only_b},
                         {"p", difference->mcnemar->p}};
  }
  return object;
}

/// An object with a value for each run, by name.
template <typename T, typename F>
Json ByRun(const Comparison& comparison, const std::vector<T>& values, const F& json) {
  Json object = Json::object();
  for (size_t r = 0; r < values.size(); ++r) object[comparison.runs[r].name] = json(values[r]);
  return object;
}

Json PositionsJson(const Comparison& comparison, const PositionTable& table) {
  Json cells = Json::array();
  for (const PositionCell& cell : table.cells) {
    cells.push_back(
        {{"position", cell.position},
         {"scores", ByRun(comparison, cell.scores, ScoreJson)},
         {"relative_change_percent", ByRun(comparison, cell.relative_change, OrNull<double>)},
         {"differences", ByRun(comparison, cell.differences, DifferenceJson)}});
  }
  return {{"task", table.task}, {"metric", table.metric}, {"cells", std::move(cells)}};
}

Json HeatMapJson(const HeatMap& map) {
  Json values = Json::array();
  for (const auto& row : map.values) {
    Json cells = Json::array();
    for (const auto& value : row) cells.push_back(OrNull(value));
    values.push_back(std::move(cells));
  }
  return {{"task", map.task},           {"metric", map.metric},   {"run", map.run},
          {"field", map.field},         {"columns", map.columns}, {"depths", map.depths},
          {"values", std::move(values)}};
}

}  // namespace

std::string RenderJson(const Comparison& comparison) {
  Json document = {{"format", "meap-comparison-1"},
                   {"runs", Json::array()},
                   {"options",
                    {{"resamples", comparison.options.resamples},
                     {"confidence", comparison.options.confidence},
                     {"seed", comparison.options.seed}}}};
  for (const EvalRun& run : comparison.runs) {
    document["runs"].push_back({{"name", run.name},
                                {"model", run.object.value("model", "")},
                                {"file", run.file.string()}});
  }
  document["metrics"] = Json::array();
  for (const MetricRow& row : comparison.rows) {
    document["metrics"].push_back(
        {{"task", row.task},
         {"metric", row.metric},
         {"scores", ByRun(comparison, row.scores, ScoreJson)},
         {"differences", ByRun(comparison, row.differences, DifferenceJson)}});
  }
  document["positions"] = Json::array();
  for (const PositionTable& table : comparison.positions) {
    document["positions"].push_back(PositionsJson(comparison, table));
  }
  document["heat_maps"] = Json::array();
  for (const HeatMap& map : comparison.heat_maps) document["heat_maps"].push_back(HeatMapJson(map));
  document["notes"] = comparison.notes;
  return document.dump(1, ' ', true, Json::error_handler_t::replace) + "\n";
}

}  // namespace meap
