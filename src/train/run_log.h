// What a run says while it goes: metrics.jsonl, TensorBoard, the console.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/console.h"
#include "report/metrics.h"
#include "report/tensorboard.h"
#include "train/loop.h"

namespace meap {

/// What tells how well a step uses the machine.
struct StepCost {
  double flops_per_token = 0;
  double peak_rate = 0;  // FLOP/s; 0 where unknown: then there is no MFU
};

class RunLog {
 public:
  /// Writes into `output`; `label` is the progress bar's, `steps` those of the run. `resume_step`
  /// and `validates` as for MetricsWriter.
  RunLog(const fs::path& output, const std::string& label, int64_t steps,
         std::vector<LossPart> parts, const StepCost& cost, std::optional<int64_t> resume_step,
         bool validates);

  /// `save_seconds` is how long training stood still to save since the step before.
  void Step(const StepReport& report, int64_t total_tokens, double save_seconds);
  /// `masked`: the loss on the same text with masks, where the task has one.
  void Validation(int64_t step, const LossSums& loss, const std::optional<LossSums>& masked,
                  double seconds);
  /// The last losses seen, for the summary.
  std::optional<double> train_loss() const { return train_loss_; }
  std::optional<double> validation_loss() const { return validation_loss_; }
  void RestoreLosses(std::optional<double> train, std::optional<double> validation);
  /// Forces metrics.jsonl to disk.
  void Sync() { metrics_.Sync(); }
  /// Ends the progress bar, so that notes stand below it.
  void Finish() { bar_.Finish(); }

 private:
  std::vector<LossPart> parts_;
  StepCost cost_;
  MetricsWriter metrics_;
  TensorBoardWriter board_;
  ProgressBar bar_;
  std::optional<double> train_loss_;
  std::optional<double> validation_loss_;
};

}  // namespace meap
