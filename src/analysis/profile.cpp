#include "analysis/profile.h"

#include <ATen/ATen.h>

#include <limits>

namespace meap {

std::vector<int64_t> DistanceClasses(int64_t length) {
  std::vector<int64_t> classes{0};
  for (int64_t first = 1; first < length; first *= 2) classes.push_back(first);
  return classes;
}

ProfileObserver::ProfileObserver(int64_t sequences, int64_t length, int64_t layers, int64_t heads,
                                 at::Device device)
    : length_(length),
      entropy_LRH_(
          at::zeros({layers, sequences, heads}, at::TensorOptions(device).dtype(at::kDouble))),
      first_LRH_(at::zeros_like(entropy_LRH_)),
      distance_LRHT_(at::zeros({layers, sequences, heads, length}, entropy_LRH_.options())) {}

void ProfileObserver::Observe(const AttentionBlock& block) {
  const int64_t skipped = block.first_query == 0 ? 1 : 0;
  const at::Tensor weights_RHBS = block.weights_RHBS.narrow(2, skipped, block.queries() - skipped);
  if (weights_RHBS.size(2) == 0) return;
  const at::Tensor logs = weights_RHBS.clamp_min(std::numeric_limits<float>::min()).log_();
  entropy_LRH_[block.layer] -= logs.mul_(weights_RHBS).sum({2, 3}, false, at::kDouble);
  first_LRH_[block.layer] += weights_RHBS.select(3, 0).sum(2, false, at::kDouble);
  AddDistances(block, weights_RHBS);
}

void ProfileObserver::AddDistances(const AttentionBlock& block, const at::Tensor& weights_RHBS) {
  // Behind zeros at the left, a view whose rows are one element longer than the memory's turns
  // diagonals (one distance each) into columns: column c is distance keys - 1 - c.
  const int64_t sequences = weights_RHBS.size(0), heads = weights_RHBS.size(1);
  const int64_t queries = weights_RHBS.size(2), keys = weights_RHBS.size(3);
  const int64_t row = queries + keys;
  const at::Tensor padded = at::zeros({sequences, heads, queries, row}, weights_RHBS.options());
  padded.narrow(3, queries, keys).copy_(weights_RHBS);
  const at::Tensor skewed = padded.as_strided(
      {sequences, heads, queries, keys}, {heads * queries * row, queries * row, row + 1, 1}, 1);
  const at::Tensor by_distance_RHS = skewed.sum(2, false, at::kDouble).flip(2);
  distance_LRHT_[block.layer].narrow(2, 0, keys) += by_distance_RHS;
}

ProfileStatistics ProfileObserver::Result() const {
  const double queries = static_cast<double>(length_ - 1);
  const auto finish = [&](const at::Tensor& sums_LR) {
    return sums_LR.div(queries).transpose(0, 1).to(at::kCPU).contiguous();
  };
  std::vector<at::Tensor> parts;
  const std::vector<int64_t> classes = DistanceClasses(length_);
  for (size_t c = 0; c < classes.size(); ++c) {
    const int64_t end = c + 1 < classes.size() ? classes[c + 1] : length_;
    parts.push_back(distance_LRHT_.narrow(3, classes[c], end - classes[c]).sum(3));
  }
  return {finish(entropy_LRH_), finish(first_LRH_), finish(at::stack(parts, 3))};
}

}  // namespace meap
