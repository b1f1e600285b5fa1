#include "experiment/summary.h"

#include <algorithm>

namespace meap {
namespace {

constexpr int kResamples = 10000;
constexpr double kConfidence = 0.95;

std::vector<Setting> GroupBySetting(const std::vector<CellResult>& results) {
  std::vector<Setting> settings;
  for (const CellResult& result : results) {
    const std::string name = result.cell.Name(/*with_seed=*/false);
    auto found = std::find_if(settings.begin(), settings.end(),
                              [&](const Setting& setting) { return setting.name == name; });
    if (found == settings.end()) {
      Setting setting{.name = name};
      for (const auto& value : result.cell.values) {
        if (value.first != kSeedKey) setting.values.push_back(value);
      }
      settings.push_back(std::move(setting));
      found = settings.end() - 1;
    }
    found->cells.push_back(&result);
    if (found->compared_with.empty()) found->compared_with = result.cell.baseline_name;
  }
  for (Setting& setting : settings) {
    setting.baseline = std::any_of(settings.begin(), settings.end(), [&](const Setting& other) {
      return other.compared_with == setting.name;
    });
  }
  return settings;
}

/// Values of a metric in cells and in those that they are compared with.
struct CellPairs {
  std::vector<double> a, b;  // the baselines', the setting's
  std::vector<std::pair<const CellResult*, const CellResult*>> cells;
};

using ResultsByHash = std::map<std::string, const CellResult*>;

CellPairs PairCells(const Setting& setting, const ResultsByHash& results,
                    const std::string& metric) {
  CellPairs pairs;
  for (const CellResult* cell : setting.cells) {
    const auto baseline = results.find(cell->cell.baseline);
    if (baseline == results.end()) continue;
    const double *x = baseline->second->Find(metric), *y = cell->Find(metric);
    if (x == nullptr || y == nullptr) continue;
    pairs.a.push_back(*x);
    pairs.b.push_back(*y);
    pairs.cells.emplace_back(baseline->second, cell);
  }
  return pairs;
}

/// Pairs of samples of all seeds, clustered by item.
void TestOverItems(const CellPairs& pairs, SettingMetric& metric) {
  std::vector<double> a, b;
  std::vector<uint32_t> cluster;
  std::map<std::string, uint32_t> items;
  const std::string task = metric.name.substr(0, metric.name.rfind('.'));
  for (const auto& [left, right] : pairs.cells) {
    const auto x = left->samples.find(metric.name), y = right->samples.find(metric.name);
    if (x == left->samples.end() || y == right->samples.end()) return;
    for (const auto& [id, value] : x->second) {
      const auto other = y->second.find(id);
      if (other == y->second.end()) continue;
      const std::string& item = left->items.at(task + "/" + id);
      a.push_back(value);
      b.push_back(other->second);
      cluster.push_back(items.emplace(item, static_cast<uint32_t>(items.size())).first->second);
    }
  }
  if (a.empty()) return;
  const auto clusters = static_cast<uint32_t>(items.size());
  metric.item_interval =
      PairedBootstrap(a, b, cluster, clusters, kResamples, kConfidence, /*seed=*/0);
  metric.item_p = SignFlipTest(a, b, cluster, clusters, kResamples, /*seed=*/0);
}

SettingMetric MeasureSetting(const Setting& setting, const ResultsByHash& results,
                             const std::string& name) {
  SettingMetric metric{.name = name};
  std::vector<double> values;
  for (const CellResult* cell : setting.cells) {
    if (const double* value = cell->Find(name)) values.push_back(*value);
  }
  metric.value = MeanOverSeeds(values);
  const CellPairs pairs = PairCells(setting, results, name);
  if (pairs.a.empty()) return metric;
  metric.difference = PairedOverSeeds(pairs.a, pairs.b);
  TestOverItems(pairs, metric);
  return metric;
}

}  // namespace

ExperimentSummary Summarize(const std::vector<CellResult>& results) {
  ExperimentSummary summary{{}, GroupBySetting(results)};
  ResultsByHash by_hash;
  for (const CellResult& result : results) {
    by_hash[result.cell.hash] = &result;
    for (const auto& [name, value] : result.metrics) {
      if (std::find(summary.metrics.begin(), summary.metrics.end(), name) ==
          summary.metrics.end()) {
        summary.metrics.push_back(name);
      }
    }
  }
  for (Setting& setting : summary.settings) {
    for (const std::string& name : summary.metrics) {
      setting.metrics.push_back(MeasureSetting(setting, by_hash, name));
    }
    const auto count = static_cast<double>(setting.cells.size());
    for (const CellResult* cell : setting.cells) {
      setting.mean_seconds += cell->train_seconds / count;
      setting.mean_tokens += static_cast<double>(cell->tokens) / count;
    }
  }
  return summary;
}

}  // namespace meap
