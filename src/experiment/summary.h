// The finished cells of an experiment as settings: means over seeds, and what differs from the
// baseline.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/text_table.h"
#include "experiment/cell_result.h"
#include "experiment/seed_statistics.h"

namespace meap {

/// One metric of one setting.
struct SettingMetric {
  std::string name;
  SeedMean value = {};
  /// Minus the baseline's, seed by seed; nothing without one, or where no seed has results of both.
  std::optional<SeedDifference> difference = {};
  /// Over items of the evaluation (clusters), all seeds together: interval of the difference and
  /// the p-value of a sign-flip test. Only where both have samples.
  std::optional<Interval> item_interval = {};
  std::optional<double> item_p = {};
};

/// Cells that differ in the seed alone.
struct Setting {
  std::string name;
  KeyValues values = {};  // without the seed
  std::vector<const CellResult*> cells = {};
  std::vector<SettingMetric> metrics = {};
  bool baseline = false;           // some other is compared with it
  std::string compared_with = {};  // name of its baseline, which may have no results; "" = none
  double mean_seconds = 0;         // of training, a cell
  double mean_tokens = 0;
};

struct ExperimentSummary {
  std::vector<std::string> metrics;  // in the order of the cells
  std::vector<Setting> settings;     // in the order of the file
};

/// `results` must outlive the summary.
ExperimentSummary Summarize(const std::vector<CellResult>& results);

/// Everything, for programs; docs/experiments.md has the format.
nlohmann::ordered_json SummaryJson(const ExperimentFile& file, const ExperimentSummary& summary);
/// Results, then a table of each shown metric against the baseline, then time and tokens a cell.
std::vector<TextTable> SummaryTables(const ExperimentFile& file, const ExperimentSummary& summary);
std::string SummaryMarkdown(const ExperimentFile& file, const ExperimentSummary& summary);

}  // namespace meap
