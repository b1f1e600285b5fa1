// How the next token is chosen from the model's logits.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace meap {

struct SamplingOptions {
  int64_t max_new_tokens = 128;
  double temperature = 0;  // 0 = greedy
  int64_t top_k = 0;       // only the k most likely; 0 = all
  double top_p = 1;        // only the most likely that together hold this share
  uint64_t seed = 0;
};

/// One draw from logits_V (f32): temperature, then top-k, then top-p, as transformers orders them.
/// `uniform` in [0, 1) decides; temperature 0 takes the most likely, the lowest id on ties.
int32_t SampleToken(const at::Tensor& logits_V, const SamplingOptions& options, double uniform);

}  // namespace meap
