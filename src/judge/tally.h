// Counts over verdicts: each judge's, their majority, how far they agree with each other and with
// people.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <span>

#include "evaltext/statistics.h"
#include "evaltext/summaries.h"

namespace meap {

/// What more than half of the decided verdicts say; undecided when they are split or there is none.
Verdict Majority(std::span<const Verdict> verdicts);

/// How far two judges agree over the summaries that both decided on.
Agreement JudgeAgreement(std::span<const Verdict> a, std::span<const Verdict> b);

/// A judge beside people. Undecided verdicts count in `undecided` and nowhere else.
struct Calibration {
  size_t n = 0;  // decided
  size_t undecided = 0;
  /// Share of the summaries with (without) a hallucination by people's verdict that the judge says
  /// so of; nothing where there is no such summary.
  std::optional<double> recall_hallucination = {};
  std::optional<double> recall_clean = {};
  std::optional<double> balanced_accuracy = {};  // mean of the two recalls
  Agreement agreement = {};                      // with people
};

/// `people[i]` true: no hallucination.
Calibration Calibrate(std::span<const Verdict> judge, const std::vector<bool>& people);

nlohmann::ordered_json ToJson(const Agreement& agreement);
nlohmann::ordered_json ToJson(const Calibration& calibration);

}  // namespace meap
