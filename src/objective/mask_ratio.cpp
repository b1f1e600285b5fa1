#include "objective/mask_ratio.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace meap {

double MaskRatioAt(const MaskRatioSchedule& schedule, double start, int64_t step) {
  if (schedule.shape == MaskRatioSchedule::Shape::kConstant || step <= 1) return start;
  if (step >= schedule.steps) return schedule.end;
  const double progress = static_cast<double>(step - 1) / static_cast<double>(schedule.steps - 1);
  const double done = schedule.shape == MaskRatioSchedule::Shape::kLinear
                          ? progress
                          : 0.5 * (1 - std::cos(std::numbers::pi * progress));
  return start + (schedule.end - start) * done;
}

}  // namespace meap
