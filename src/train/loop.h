// The training loop: step, accumulate, clip, update, events.
#pragma once

#include <cstdint>
#include <functional>

#include "config/recipe.h"
#include "train/optimizer.h"
#include "train/task.h"

namespace meap {

/// What one optimizer step did.
struct StepReport {
  int64_t step = 0;    // from 1
  LossSums loss = {};  // over the global batch
  double lr = 0;
  double grad_norm = 0;     // before clipping
  double seconds = 0;       // the whole step
  double wait_seconds = 0;  // of it, waiting for data
};

/// Where the loop reports and what may stop it. `after_step` logs, validates and saves; it returns
/// false to stop.
struct LoopEvents {
  std::function<bool(const StepReport&)> after_step;
};

/// Trains the task's model from optimizer step `first_step` (from 1) to the last step of the run or
/// until an event stops it. A loss or gradient that is not finite is a WorkError naming the step
/// and its samples; the weights are then those of the step before.
void TrainLoop(const Recipe& recipe, const TrainTask& task, Optimizer& optimizer,
               int64_t first_step, const LoopEvents& events);

}  // namespace meap
