// A training run as its folder tells it: recipe.yaml and metrics.jsonl.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/files.h"

namespace meap {

/// (step, value), ascending.
using StepSeries = std::vector<std::pair<double, double>>;

enum class RunState {
  kTraining,  // a process writes to it, or nobody can tell
  kStopped,   // none does, and it has not come to its end: it failed, or was stopped
  kFinished,  // it took all steps of its recipe and exported the model
};

struct TrainingRun {
  std::string name;  // different for each run of a page
  fs::path folder;
  RunState state = RunState::kTraining;
  double last_step = 0;
  /// The resolved recipe, in its order: "optimizer.lr" -> "0.0004".
  std::vector<std::pair<std::string, std::string>> recipe = {};
  std::map<std::string, StepSeries> metrics = {};  // by field, null values left out

  /// A recipe key's value or "".
  std::string Key(const std::string& name) const;
  /// A metric's series, empty when the run has none.
  const StepSeries& Metric(const std::string& name) const;
};

/// True for a folder with metrics.jsonl.
bool IsTrainingRun(const fs::path& folder);

/// Whether ReadTrainingRun would find it kTraining; the metrics are read only where the system
/// cannot tell.
bool IsTraining(const fs::path& folder);

/// Reads a run, even one that is being written. A line that is no JSON object is an InputError,
/// except the last, which may be half written.
TrainingRun ReadTrainingRun(const fs::path& folder, const std::string& name);

/// Keys whose values differ between runs, in the recipes' order, with the value of each run (""
/// where it has none). Where the run is written to is no difference.
std::vector<std::pair<std::string, std::vector<std::string>>> RecipeDifferences(
    const std::vector<TrainingRun>& runs);

}  // namespace meap
