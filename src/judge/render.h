// Verdicts for people.
#pragma once

#include <string>
#include <vector>

#include "judge/calibration.h"
#include "judge/judged_runs.h"

namespace meap {

/// Aligned tables: what each judge says of each run and task, then how far the judges agree.
std::string RenderVerdicts(const std::vector<JudgedTask>& tasks);

/// How far each judge agrees with people.
std::string RenderCalibration(const std::vector<JudgeCalibration>& judges);

}  // namespace meap
