// All judges beside people, on summaries that people have judged.
#pragma once

#include <string>
#include <vector>

#include "judge/cases.h"
#include "judge/opinions.h"
#include "judge/tally.h"

namespace meap {

/// A judge's calibration under its name.
struct JudgeCalibration {
  std::string judge;
  Calibration calibration;
};

/// Each judge, then (of several) their majority, then what `meap eval` says without a judge: clean
/// is a summary without an unsupported content item.
std::vector<JudgeCalibration> CalibrateJudges(const std::vector<Judge>& judges,
                                              const std::vector<LabelledCase>& cases,
                                              const Opinions& opinions);

/// `file` and `judges`, as results.json has them.
nlohmann::ordered_json CalibrationJson(const std::string& file,
                                       const std::vector<JudgeCalibration>& calibrations);

}  // namespace meap
