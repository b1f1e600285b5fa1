#include "judge/calibration.h"

#include "evaltext/content_items.h"

namespace meap {

std::vector<JudgeCalibration> CalibrateJudges(const std::vector<Judge>& judges,
                                              const std::vector<LabelledCase>& cases,
                                              const Opinions& opinions) {
  std::vector<bool> people;
  std::vector<std::vector<Verdict>> verdicts(judges.size());
  std::vector<Verdict> majority;
  std::vector<Verdict> stand_in;
  for (const LabelledCase& item : cases) {
    people.push_back(item.consistent);
    std::vector<Verdict> votes;
    for (size_t j = 0; j < judges.size(); ++j) {
      votes.push_back(opinions.of[j][item.prompt].verdict);
      verdicts[j].push_back(votes.back());
    }
    majority.push_back(Majority(votes));
    const bool supported = UnsupportedShare(item.document, item.summary) == 0;
    stand_in.push_back(supported ? Verdict::kClean : Verdict::kHallucination);
  }
  std::vector<JudgeCalibration> calibrations;
  for (size_t j = 0; j < judges.size(); ++j) {
    calibrations.push_back({judges[j].name, Calibrate(verdicts[j], people)});
  }
  if (judges.size() > 1) calibrations.push_back({"majority", Calibrate(majority, people)});
  calibrations.push_back({"(no judge: `clean`)", Calibrate(stand_in, people)});
  return calibrations;
}

nlohmann::ordered_json CalibrationJson(const std::string& file,
                                       const std::vector<JudgeCalibration>& calibrations) {
  nlohmann::ordered_json object = {{"file", file}, {"judges", nlohmann::ordered_json::object()}};
  for (const auto& [judge, calibration] : calibrations) {
    object["judges"][judge] = ToJson(calibration);
  }
  return object;
}

}  // namespace meap
