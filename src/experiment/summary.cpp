#include "experiment/summary.h"

#include <algorithm>

namespace meap {
namespace {

constexpr int kResamples = 10000;
constexpr double kConfidence = 0.95;

std::string SeedOf(const CellResult& result) {
  for (const auto& [key, value] : result.cell.values) {
    if (key == kSeedKey) return value;
  }
  return "";
}

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
  }
  return settings;
}

/// The one setting with all the values of `baseline`; null without a baseline.
Setting* FindBaseline(const ExperimentFile& file, std::vector<Setting>& settings) {
  if (file.baseline.empty()) return nullptr;
  const auto has = [](const Setting& setting, const auto& wanted) {
    return std::any_of(setting.values.begin(), setting.values.end(), [&](const auto& value) {
      return value.first == wanted.first && SameValue(value.second, wanted.second);
    });
  };
  std::vector<Setting*> found;
  for (Setting& setting : settings) {
    if (std::all_of(file.baseline.begin(), file.baseline.end(),
                    [&](const auto& wanted) { return has(setting, wanted); })) {
      found.push_back(&setting);
    }
  }
  if (found.size() == 1) return found[0];
  std::string got = found.empty() ? "no setting" : "";
  for (const Setting* setting : found) got += (got.empty() ? "" : "; ") + setting->name;
  throw InputError({.what = "the baseline must name one setting of the grid",
                    .where = file.path.string() + ": baseline",
                    .got = got,
                    .hint = "give the grid's keys with the baseline's values, without the seed"});
}

/// Values of a metric in cells of both settings with the same seed.
struct SeedPairs {
  std::vector<double> a, b;
  std::vector<std::pair<const CellResult*, const CellResult*>> cells;
};

SeedPairs PairSeeds(const Setting& a, const Setting& b, const std::string& metric) {
  SeedPairs pairs;
  for (const CellResult* left : a.cells) {
    for (const CellResult* right : b.cells) {
      const double *x = left->Find(metric), *y = right->Find(metric);
      if (SeedOf(*left) != SeedOf(*right) || x == nullptr || y == nullptr) continue;
      pairs.a.push_back(*x);
      pairs.b.push_back(*y);
      pairs.cells.emplace_back(left, right);
    }
  }
  return pairs;
}

/// Pairs of samples of all seeds, clustered by item.
void TestOverItems(const SeedPairs& pairs, SettingMetric& metric) {
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

SettingMetric MeasureSetting(const Setting& setting, const Setting* baseline,
                             const std::string& name) {
  SettingMetric metric{.name = name};
  std::vector<double> values;
  for (const CellResult* cell : setting.cells) {
    if (const double* value = cell->Find(name)) values.push_back(*value);
  }
  metric.value = MeanOverSeeds(values);
  if (baseline == nullptr || baseline == &setting) return metric;
  const SeedPairs pairs = PairSeeds(*baseline, setting, name);
  if (pairs.a.empty()) return metric;
  metric.difference = PairedOverSeeds(pairs.a, pairs.b);
  TestOverItems(pairs, metric);
  return metric;
}

}  // namespace

ExperimentSummary Summarize(const ExperimentFile& file, const std::vector<CellResult>& results) {
  ExperimentSummary summary{{}, GroupBySetting(results)};
  for (const CellResult& result : results) {
    for (const auto& [name, value] : result.metrics) {
      if (std::find(summary.metrics.begin(), summary.metrics.end(), name) ==
          summary.metrics.end()) {
        summary.metrics.push_back(name);
      }
    }
  }
  Setting* baseline = FindBaseline(file, summary.settings);
  if (baseline != nullptr) baseline->baseline = true;
  for (Setting& setting : summary.settings) {
    for (const std::string& name : summary.metrics) {
      setting.metrics.push_back(MeasureSetting(setting, baseline, name));
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
