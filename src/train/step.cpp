#include "train/step.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cmath>

#include "nn/linear_cross_entropy.h"

namespace meap {
namespace {

template <class T>
at::Tensor ToTensor(const std::vector<T>& values, at::ScalarType dtype, at::Device device) {
  const auto size = static_cast<int64_t>(values.size());
  return at::from_blob(const_cast<T*>(values.data()), {size}, dtype)
      .to(device, /*non_blocking=*/false,
          /*copy=*/true);
}

PackedAttender AttenderOf(const TrainingRows& rows) {
  return PackedAttender(Segments{rows.SegmentOffsets()});
}

CrossEntropy Forward(const Llama& model, const TrainingRows& rows, double scale,
                     Attender& attender) {
  const at::Device device = model.head().device();
  const at::Tensor hidden_ND =
      model.Forward(ToTensor(rows.input_ids, at::kLong, device),
                    ToTensor(rows.position_ids, at::kLong, device), attender);
  return LinearCrossEntropy(hidden_ND, model.head(), ToTensor(rows.labels, at::kLong, device),
                            scale);
}

}  // namespace

LossSum& LossSum::operator+=(const LossSum& other) {
  nll += other.nll;
  tokens += other.tokens;
  return *this;
}

LossSums& LossSums::operator+=(const LossSums& other) {
  all += other.all;
  if (regions.size() < other.regions.size()) regions.resize(other.regions.size());
  for (size_t i = 0; i < other.regions.size(); ++i) regions[i] += other.regions[i];
  broken.insert(broken.end(), other.broken.begin(), other.broken.end());
  return *this;
}

at::Tensor ForwardBackward(const Llama& model, const TrainingRows& rows, double scale) {
  PackedAttender attender = AttenderOf(rows);  // lives until the backward pass is done
  CrossEntropy result = Forward(model, rows, scale, attender);
  result.loss.backward();
  return std::move(result.nll_N);
}

LossSums SumLosses(const at::Tensor& nll_N, const TrainingRows& rows) {
  const at::Tensor nll = nll_N.to(at::kCPU);
  const float* values = nll.const_data_ptr<float>();
  LossSums sums;
  for (size_t i = 0; i < rows.labels.size(); ++i) {
    if (rows.labels[i] == kNoLabel) continue;
    const LossSum one{.nll = values[i], .tokens = 1};
    sums.all += one;
    const uint64_t sample = rows.sample_ids[i / rows.length];
    const bool known = !sums.broken.empty() && sums.broken.back() == sample;
    if (!std::isfinite(values[i]) && !known) sums.broken.push_back(sample);
    if (rows.regions.empty()) continue;
    if (sums.regions.size() <= rows.regions[i]) sums.regions.resize(rows.regions[i] + 1);
    sums.regions[rows.regions[i]] += one;
  }
  return sums;
}

LossSums ForwardLoss(const Llama& model, const TrainingRows& rows) {
  const at::NoGradGuard no_grad;
  PackedAttender attender = AttenderOf(rows);
  return SumLosses(Forward(model, rows, 1.0, attender).nll_N, rows);
}

}  // namespace meap
