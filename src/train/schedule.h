// The course of the learning rate.
#pragma once

#include <cstdint>

#include "config/recipe.h"

namespace meap {

/// Warm-up steps of a run: a share of all steps below 1, else a number of steps.
int64_t WarmupSteps(const ScheduleOptions& schedule, int64_t steps);

/// Learning rate of optimizer step `step` (from 1) of `steps`: linear from 0 up to `peak` over the
/// warm-up, which it reaches at its last step, then cosine or linear to min_lr at the last step, or
/// constant; wsd is constant until its decay, then linear to min_lr.
double LearningRate(const ScheduleOptions& schedule, double peak, int64_t step, int64_t steps);

}  // namespace meap
