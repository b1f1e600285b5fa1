// The training loop: step, accumulate, judge, clip, update, events.
#pragma once

#include <cstdint>
#include <functional>

#include "config/recipe.h"
#include "train/optimizer.h"
#include "train/task.h"

namespace meap {

/// What one optimizer step did, and where its time went (seconds).
struct StepReport {
  int64_t step = 0;          // from 1
  LossSums loss = {};        // over the global batch
  int64_t input_tokens = 0;  // in the global batch, with and without loss, no padding
  int64_t samples = 0;       // in the global batch
  double lr = 0;
  double grad_norm = 0;          // before clipping
  bool updated = false;          // false: the guard had the update left out
  double seconds = 0;            // the whole step
  double wait_seconds = 0;       // of it, waiting for data
  double compute_seconds = 0;    // forward and backward passes
  double optimizer_seconds = 0;  // gradient norm, clipping and update
};

/// Where the loop reports and what may stop it.
struct LoopEvents {
  /// Judges a step before its update: false leaves the update out, an exception ends the run.
  std::function<bool(const StepReport&, const TrainingRows&)> accepts;
  /// Logs, validates and saves; false stops.
  std::function<bool(const StepReport&)> after_step;
};

/// Trains the task's model from optimizer step `first_step` (from 1) to the last step of the run or
/// until an event stops it. A signal that asks to stop is looked at between micro-batches: the step
/// under way then leaves no trace.
void TrainLoop(const Recipe& recipe, const TrainTask& task, Optimizer& optimizer,
               int64_t first_step, const LoopEvents& events);

}  // namespace meap
