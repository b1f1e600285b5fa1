// The course of the mask ratio over a run.
#pragma once

#include <cstdint>

namespace meap {

/// The paper's ratio is constant; the others go from the objective's ratio at the first step to
/// `end` at the last.
struct MaskRatioSchedule {
  enum class Shape { kConstant, kLinear, kCosine };
  Shape shape = Shape::kConstant;
  double end = 0;
  int64_t steps = 0;  // of the run
};

/// The ratio of optimizer step `step` (from 1) of a run that starts with `start`.
double MaskRatioAt(const MaskRatioSchedule& schedule, double start, int64_t step);

}  // namespace meap
