// What a finished cell came to: figures by name, and the items behind them.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "evaltext/samples.h"
#include "experiment/cell_run.h"

namespace meap {

struct CellResult {
  Cell cell;
  std::vector<std::pair<std::string, double>> metrics;  // in the order of the stages
  /// Scores behind a metric "TASK.METRIC", by item and id: for paired tests.
  std::map<std::string, std::map<std::string, double>> samples = {};
  std::map<std::string, std::string> items = {};  // "TASK/ID" to its item
  double train_seconds = 0;                       // of its training steps, over every resume
  int64_t tokens = 0;                             // tokens trained on

  const double* Find(const std::string& metric) const;
};

/// Reads what the stages left. Figures: the losses of the training's summary; TASK.METRIC of `meap
/// eval`; decay and variance_increase of `meap attention decay` (with "@LENGTH/RATIO" where there
/// are several); entropy and first_token of `meap attention profile`; share.SEGMENT of `meap
/// attention segments`.
CellResult ReadCell(const ExperimentFile& file, const Cell& cell);

}  // namespace meap
