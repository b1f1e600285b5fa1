#include "train/guard.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace meap {
namespace {

double Median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// "3, 17, 4, ...": the first few.
std::string SomeOf(const std::vector<int64_t>& samples) {
  constexpr size_t kShown = 8;
  std::string text;
  for (size_t i = 0; i < samples.size() && i < kShown; ++i) {
    text += fmt::format("{}{}", i > 0 ? ", " : "", samples[i]);
  }
  return samples.size() > kShown ? text + ", ..." : text;
}

}  // namespace

ErrorParts DescribeFinding(const Finding& finding, const StepReport& report,
                           const TrainingRows& rows, const std::string& tensor) {
  const bool known = !report.loss.broken.empty();
  return {.what = finding.what,
          .where = fmt::format("step {}, {}{} {}", report.step, tensor.empty() ? "" : tensor + ", ",
                               known ? "samples with such a loss" : "samples",
                               SomeOf(known ? report.loss.broken : rows.Samples())),
          .got = fmt::format("loss {}, gradient norm {}, learning rate {}", report.loss.all.Mean(),
                             report.grad_norm, report.lr),
          .hint =
              "--resume with guard.on_nonfinite or guard.on_spike set to skip or rollback; or "
              "with a lower optimizer.lr and --allow-changes"};
}

double RobustScore(const std::vector<double>& window, double value) {
  const double median = Median(window);
  std::vector<double> distances;
  distances.reserve(window.size());
  for (const double other : window) distances.push_back(std::abs(other - median));
  const double sigma = std::max(1.4826 * Median(distances), 1e-3 * std::abs(median));
  return (value - median) / sigma;
}

std::optional<Finding> Guard::Judge(double loss, double grad_norm) {
  std::optional<Finding> finding;
  const bool judges =
      options_.on_spike != "off" && static_cast<int64_t>(window_.size()) >= options_.spike_window;
  if (!std::isfinite(loss) || !std::isfinite(grad_norm)) {
    finding = Finding{std::isfinite(loss) ? "the gradient is not finite" : "the loss is not finite",
                      options_.on_nonfinite};
  } else if (judges) {
    const double score = RobustScore({window_.begin(), window_.end()}, loss);
    if (score > options_.spike_score) {
      finding = Finding{fmt::format("the loss spikes: {:.4f}, {:.1f} robust standard deviations "
                                    "above the last {} steps",
                                    loss, score, options_.spike_window),
                        options_.on_spike};
    }
  }
  if (!finding || finding->action == "warn") {
    in_a_row_ = 0;
    window_.push_back(loss);
    if (static_cast<int64_t>(window_.size()) > options_.spike_window) window_.pop_front();
  } else if (finding->action != "stop" && ++in_a_row_ > options_.limit) {
    finding->what += fmt::format(", or the like, {} steps in a row (guard.limit)", in_a_row_);
    finding->action = "stop";
  }
  return finding;
}

nlohmann::json Guard::State() const { return {{"window", window_}, {"in_a_row", in_a_row_}}; }

void Guard::Restore(const nlohmann::json& state) {
  window_ = state.at("window").get<std::deque<double>>();
  in_a_row_ = state.at("in_a_row").get<int64_t>();
  while (static_cast<int64_t>(window_.size()) > options_.spike_window) window_.pop_front();
}

}  // namespace meap
