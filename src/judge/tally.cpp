#include "judge/tally.h"

#include <algorithm>

#include "core/error.h"

namespace meap {
namespace {

using Json = nlohmann::ordered_json;

Json OrNull(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

std::optional<double> Share(size_t part, size_t whole) {
  if (whole == 0) return std::nullopt;
  return static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

Verdict Majority(std::span<const Verdict> verdicts) {
  const auto clean = std::count(verdicts.begin(), verdicts.end(), Verdict::kClean);
  const auto hallucination = std::count(verdicts.begin(), verdicts.end(), Verdict::kHallucination);
  if (clean == hallucination) return Verdict::kUndecided;
  return clean > hallucination ? Verdict::kClean : Verdict::kHallucination;
}

Agreement JudgeAgreement(std::span<const Verdict> a, std::span<const Verdict> b) {
  MEAP_CHECK(a.size() == b.size(), "both judges saw the same summaries");
  size_t counts[2][2] = {};
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] == Verdict::kUndecided || b[i] == Verdict::kUndecided) continue;
    ++counts[a[i] == Verdict::kClean ? 1 : 0][b[i] == Verdict::kClean ? 1 : 0];
  }
  return RaterAgreement(counts[1][1], counts[1][0], counts[0][1], counts[0][0]);
}

Calibration Calibrate(std::span<const Verdict> judge, const std::vector<bool>& people) {
  std::vector<Verdict> labels;
  for (const bool clean : people) {
    labels.push_back(clean ? Verdict::kClean : Verdict::kHallucination);
  }
  Calibration calibration;
  calibration.agreement = JudgeAgreement(judge, labels);
  calibration.n = calibration.agreement.n;
  calibration.undecided = judge.size() - calibration.n;
  const auto recall = [&](Verdict verdict) {
    size_t whole = 0;
    size_t part = 0;
    for (size_t i = 0; i < judge.size(); ++i) {
      if (labels[i] != verdict || judge[i] == Verdict::kUndecided) continue;
      ++whole;
      part += judge[i] == verdict ? 1 : 0;
    }
    return Share(part, whole);
  };
  calibration.recall_hallucination = recall(Verdict::kHallucination);
  calibration.recall_clean = recall(Verdict::kClean);
  if (calibration.recall_hallucination && calibration.recall_clean) {
    calibration.balanced_accuracy =
        (*calibration.recall_hallucination + *calibration.recall_clean) / 2;
  }
  return calibration;
}

Json ToJson(const Agreement& agreement) {
  return {{"n", agreement.n}, {"share", agreement.share}, {"kappa", OrNull(agreement.kappa)}};
}

Json ToJson(const Calibration& calibration) {
  return {{"n", calibration.n},
          {"undecided", calibration.undecided},
          {"balanced_accuracy", OrNull(calibration.balanced_accuracy)},
          {"recall_hallucination", OrNull(calibration.recall_hallucination)},
          {"recall_clean", OrNull(calibration.recall_clean)},
          {"agreement", calibration.agreement.share},
          {"kappa", OrNull(calibration.agreement.kappa)}};
}

}  // namespace meap
