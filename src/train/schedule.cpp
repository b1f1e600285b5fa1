#include "train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace meap {

int64_t WarmupSteps(const ScheduleOptions& schedule, int64_t steps) {
  const double given = schedule.warmup;
  return static_cast<int64_t>(given < 1 ? given * static_cast<double>(steps) : given);
}

double LearningRate(const ScheduleOptions& schedule, double peak, int64_t step, int64_t steps) {
  const int64_t warmup = std::min(WarmupSteps(schedule, steps), steps);
  if (step <= warmup) return peak * static_cast<double>(step) / static_cast<double>(warmup);
  if (schedule.name == "constant") return peak;
  const bool wsd = schedule.name == "wsd";
  const int64_t decay = wsd ? std::llround(schedule.decay * static_cast<double>(steps)) : steps;
  const int64_t stable = std::max(warmup, steps - decay);  // the last step at the peak
  if (step <= stable) return peak;
  const double progress = static_cast<double>(step - stable) / static_cast<double>(steps - stable);
  const double share = wsd || schedule.name == "linear"
                           ? 1 - progress
                           : 0.5 * (1 + std::cos(std::numbers::pi * progress));
  return schedule.min_lr + (peak - schedule.min_lr) * share;
}

}  // namespace meap
