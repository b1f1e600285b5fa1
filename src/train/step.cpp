#include "train/step.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cmath>

#include "core/files.h"
#include "nn/gpu.h"
#include "nn/linear_cross_entropy.h"

namespace meap {
namespace {

static_assert(kNoLabel == kIgnoreLabel, "labels go to the operator as they are");

/// The values where they stand: they must live until the backward pass is done.
at::Tensor ViewOf(const std::vector<int64_t>& values) {
  return at::from_blob(const_cast<int64_t*>(values.data()), {static_cast<int64_t>(values.size())},
                       at::kLong);
}

PackedAttender AttenderOf(const TrainingRows& rows) {
  return PackedAttender(Segments{rows.SegmentOffsets()});
}

CrossEntropy Forward(const Llama& model, const TrainingRows& rows, double scale, Attender& attender,
                     std::optional<uint64_t> dropout_seed) {
  const at::Device device = model.head().device();
  const at::Tensor hidden_ND =
      model.Forward(SendTo(ViewOf(rows.input_ids), device),
                    SendTo(ViewOf(rows.position_ids), device), attender, dropout_seed);
  const at::Tensor labels_N = ViewOf(rows.labels);  // not sent: nothing must wait for a GPU
  if (!model.trained_head_row().defined()) {
    return LinearCrossEntropy(hidden_ND, model.head(), labels_N, scale);
  }
  return FrozenHeadCrossEntropy(hidden_ND, model.head(), labels_N, scale, model.trained_row(),
                                model.trained_head_row());
}

/// Names the dropout of a pass: the same rows drop the same, after a resume too.
uint64_t DropoutSeed(const TrainingRows& rows) {
  return Hash64(rows.input_ids.data(), rows.input_ids.size() * sizeof(rows.input_ids[0]));
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
  const TrainingRows packed = rows.WithoutPadding();  // lives until the backward pass is done
  PackedAttender attender = AttenderOf(packed);       // and so does this
  CrossEntropy result = Forward(model, packed, scale, attender, DropoutSeed(packed));
  result.loss.backward();
  return std::move(result.nll_N);
}

LossSums SumLosses(const at::Tensor& nll_N, const TrainingRows& rows) {
  const at::Tensor nll = nll_N.to(at::kCPU);
  const float* values = nll.const_data_ptr<float>();
  LossSums sums;
  int64_t next = 0;  // of the values, which padding has none of
  for (size_t i = 0; i < rows.labels.size(); ++i) {
    if (rows.segment_ids[i] == kPadSegment) continue;
    const float value = values[next++];
    if (rows.labels[i] == kNoLabel) continue;
    const LossSum one{.nll = value, .tokens = 1};
    sums.all += one;
    const int64_t sample = rows.sample_ids[i];
    const bool known = !sums.broken.empty() && sums.broken.back() == sample;
    if (!std::isfinite(value) && !known) sums.broken.push_back(sample);
    if (rows.regions.empty()) continue;
    if (sums.regions.size() <= rows.regions[i]) sums.regions.resize(rows.regions[i] + 1);
    sums.regions[rows.regions[i]] += one;
  }
  return sums;
}

LossSums ForwardLoss(const Llama& model, const TrainingRows& rows) {
  const at::NoGradGuard no_grad;
  const TrainingRows packed = rows.WithoutPadding();
  PackedAttender attender = AttenderOf(packed);
  return SumLosses(Forward(model, packed, 1.0, attender, {}).nll_N, packed);
}

}  // namespace meap
