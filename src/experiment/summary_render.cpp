#include <fmt/format.h>

#include <algorithm>

#include "core/console.h"
#include "core/error.h"
#include "core/strings.h"
#include "experiment/summary.h"

namespace meap {
namespace {

using Json = nlohmann::ordered_json;

Json ValuesJson(const KeyValues& values) {
  Json json = Json::object();
  for (const auto& [key, value] : values) json[key] = value;
  return json;
}

Json PairingsJson(const std::vector<Pairing>& pairings) {
  Json json = Json::array();
  for (const Pairing& pairing : pairings) {
    json.push_back({{"setting", ValuesJson(pairing.setting)}, {"with", ValuesJson(pairing.with)}});
  }
  return json;
}

Json MeanJson(const SeedMean& mean) {
  Json json = {{"mean", mean.mean}, {"low", nullptr}, {"high", nullptr}, {"seeds", mean.seeds}};
  if (!mean.interval) return json;
  json["low"] = mean.interval->low;
  json["high"] = mean.interval->high;
  return json;
}

Json MetricJson(const SettingMetric& metric) {
  Json json = MeanJson(metric.value);
  if (!metric.difference) return json;
  Json difference = MeanJson(metric.difference->difference);
  difference["p"] = metric.difference->p ? Json(*metric.difference->p) : Json();
  if (metric.item_interval) {
    difference["over_items"] = {{"low", metric.item_interval->low},
                                {"high", metric.item_interval->high},
                                {"p", *metric.item_p}};
  }
  json["difference"] = std::move(difference);
  return json;
}

Json CellJson(const CellResult& result, const fs::path& folder) {
  Json json = {{"hash", result.cell.hash},  {"values", ValuesJson(result.cell.values)},
               {"folder", folder.string()}, {"train_seconds", result.train_seconds},
               {"tokens", result.tokens},   {"metrics", Json::object()}};
  for (const auto& [name, value] : result.metrics) json["metrics"][name] = value;
  return json;
}

std::string WithInterval(const SeedMean& mean, bool sign) {
  const auto number = [&](double value) {
    return sign ? fmt::format("{:+.4f}", value) : fmt::format("{:.4f}", value);
  };
  if (mean.seeds == 0) return "-";
  if (!mean.interval) return number(mean.mean);
  return fmt::format("{} [{}, {}]", number(mean.mean), number(mean.interval->low),
                     number(mean.interval->high));
}

std::string PValue(const std::optional<double>& p) {
  if (!p) return "-";
  return *p < 0.0001 ? "<0.0001" : fmt::format("{:.4f}", *p);
}

/// What tables show: the file's choice, else all.
std::vector<std::string> Shown(const ExperimentFile& file, const ExperimentSummary& summary) {
  if (file.metrics.empty()) return summary.metrics;
  for (const std::string& name : file.metrics) {
    if (std::find(summary.metrics.begin(), summary.metrics.end(), name) != summary.metrics.end()) {
      continue;
    }
    Warn(
        fmt::format("no cell has the metric {}; there are: {}", name, Join(summary.metrics, ", ")));
  }
  return file.metrics;
}

const SettingMetric* FindMetric(const Setting& setting, const std::string& name) {
  const auto found = std::find_if(setting.metrics.begin(), setting.metrics.end(),
                                  [&](const SettingMetric& m) { return m.name == name; });
  return found == setting.metrics.end() ? nullptr : &*found;
}

TextTable ResultTable(const ExperimentSummary& summary, const std::vector<std::string>& shown) {
  TextTable table{.title = "Means over seeds [95 % interval]", .header = {"setting", "seeds"}};
  table.header.insert(table.header.end(), shown.begin(), shown.end());
  for (const Setting& setting : summary.settings) {
    std::vector<std::string> row = {setting.name + (setting.baseline ? " (baseline)" : ""),
                                    std::to_string(setting.cells.size())};
    for (const std::string& name : shown) {
      const SettingMetric* metric = FindMetric(setting, name);
      row.push_back(metric == nullptr ? "-" : WithInterval(metric->value, false));
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

TextTable DifferenceTable(const ExperimentSummary& summary, const std::string& name) {
  TextTable table{.title = name + ": difference from the baseline",
                  .header = {"setting", "baseline", "difference [95 % over seeds]", "p (seeds)",
                             "[95 % over items]", "p (items)"}};
  for (const Setting& setting : summary.settings) {
    const SettingMetric* metric = FindMetric(setting, name);
    if (metric == nullptr || setting.compared_with.empty()) continue;
    const SeedDifference difference = metric->difference.value_or(SeedDifference());
    table.rows.push_back({setting.name, setting.compared_with,
                          WithInterval(difference.difference, true), PValue(difference.p),
                          metric->item_interval
                              ? fmt::format("[{:+.4f}, {:+.4f}]", metric->item_interval->low,
                                            metric->item_interval->high)
                              : "-",
                          PValue(metric->item_p)});
  }
  return table;
}

TextTable CostTable(const ExperimentSummary& summary) {
  TextTable table{.title = "Cost of a cell", .header = {"setting", "training", "tokens"}};
  for (const Setting& setting : summary.settings) {
    table.rows.push_back(
        {setting.name, FormatDuration(setting.mean_seconds), FormatCount(setting.mean_tokens)});
  }
  return table;
}

}  // namespace

Json SummaryJson(const ExperimentFile& file, const ExperimentSummary& summary) {
  Json json = {{"format", "meap-experiment-1"},
               {"about", file.about},
               {"file", file.path.string()},
               {"command", file.command},
               {"recipe", file.recipe.string()},
               {"set", ValuesJson(file.set)},
               {"baseline", PairingsJson(file.baseline)},
               {"metrics", summary.metrics},
               {"settings", Json::array()},
               {"cells", Json::array()}};
  for (const Setting& setting : summary.settings) {
    Json entry = {{"name", setting.name},          {"values", ValuesJson(setting.values)},
                  {"baseline", setting.baseline},  {"compared_with", setting.compared_with},
                  {"seeds", setting.cells.size()}, {"train_seconds", setting.mean_seconds},
                  {"tokens", setting.mean_tokens}, {"metrics", Json::object()}};
    for (const SettingMetric& metric : setting.metrics) {
      entry["metrics"][metric.name] = MetricJson(metric);
    }
    json["settings"].push_back(std::move(entry));
    for (const CellResult* cell : setting.cells) {
      const fs::path folder = CellFiles(file, cell->cell).folder;
      json["cells"].push_back(CellJson(*cell, folder.lexically_relative(file.output)));
    }
  }
  return json;
}

std::vector<TextTable> SummaryTables(const ExperimentFile& file, const ExperimentSummary& summary) {
  const std::vector<std::string> shown = Shown(file, summary);
  std::vector<TextTable> tables = {ResultTable(summary, shown)};
  for (const std::string& name : shown) {
    TextTable table = DifferenceTable(summary, name);
    if (!table.rows.empty()) tables.push_back(std::move(table));
  }
  tables.push_back(CostTable(summary));
  return tables;
}

std::string SummaryMarkdown(const ExperimentFile& file, const ExperimentSummary& summary) {
  std::string text = "# " + (file.about.empty() ? file.path.string() : file.about) + "\n\n";
  for (const TextTable& table : SummaryTables(file, summary)) text += MarkdownText(table);
  text +=
      "Intervals and p over seeds: Student's t, pairs of one seed. Over items: bootstrap and "
      "sign-flip test over the evaluation's questions, all seeds together.\n";
  return text;
}

}  // namespace meap
