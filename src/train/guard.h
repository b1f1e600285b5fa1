// Judges every step before its update: losses and gradients that are not finite, and spikes.
#pragma once

#include <cstdint>
#include <deque>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "config/recipe.h"
#include "core/error.h"
#include "train/loop.h"

namespace meap {

/// How far `value` lies above the median of `window`, in robust standard deviations: 1.4826 times
/// the median distance from the median (MAD), which for a normal distribution is its sigma. At
/// least a thousandth of the median is taken for it, so that a flat window does not cry wolf.
double RobustScore(const std::vector<double>& window, double value);

/// What is wrong with a step, and what the recipe says to do about it.
struct Finding {
  std::string what;    // "the loss is not finite", ...
  std::string action;  // warn, stop, skip or rollback
};

/// A finding as an error tells it. `tensor` names the first that is not finite, or is empty.
ErrorParts DescribeFinding(const Finding& finding, const StepReport& report,
                           const TrainingRows& rows, const std::string& tensor);

/// Its verdicts are a function of the losses before, which checkpoints carry: the same after a
/// resume.
class Guard {
 public:
  explicit Guard(const GuardOptions& options) : options_(options) {}

  /// Judges a step; nothing when it is sound. A sound or merely warned-of step joins the window.
  std::optional<Finding> Judge(double loss, double grad_norm);

  nlohmann::json State() const;
  void Restore(const nlohmann::json& state);

 private:
  GuardOptions options_;
  std::deque<double> window_;  // losses of the last sound steps
  int64_t in_a_row_ = 0;       // skipped or rolled back since the last sound step
};

}  // namespace meap
