// How attention is spread, as context for mask_effect.h: entropy, the first token's share (the
// "attention sink"), and the share by distance. Means over the queries i >= 1 of a sequence; query
// 0 has no choice. Shapes as in attention_stream.h; L layers, W distance classes.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "analysis/attention_stream.h"

namespace meap {

/// First distances (query - key) of the classes for sequences of `length` tokens: 0, 1, 2, 4, 8,
/// ...; a class ends before the next one's first.
std::vector<int64_t> DistanceClasses(int64_t length);

/// Each of one sequence, layer and head; f64, on the CPU.
struct ProfileStatistics {
  at::Tensor entropy_RLH;    // -sum of A ln A over the keys, in nats
  at::Tensor first_RLH;      // attention on key 0
  at::Tensor distance_RLHW;  // share of attention in each distance class; sums to 1
};

class ProfileObserver : public AttentionObserver {
 public:
  ProfileObserver(int64_t sequences, int64_t length, int64_t layers, int64_t heads,
                  at::Device device);

  void Observe(const AttentionBlock& block) override;
  ProfileStatistics Result() const;

 private:
  void AddDistances(const AttentionBlock& block, const at::Tensor& weights_RHBS);

  int64_t length_;
  at::Tensor entropy_LRH_;  // sums so far, f64
  at::Tensor first_LRH_;
  at::Tensor distance_LRHT_;  // by single distance
};

}  // namespace meap
