// Text from a model, a token at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "infer/loaded_model.h"

namespace meap {

struct SamplingOptions {
  int64_t max_new_tokens = 128;
  double temperature = 0;  // 0 = greedy
  int64_t top_k = 0;       // only the k most likely; 0 = all
  double top_p = 1;        // only the most likely that together hold this share
  uint64_t seed = 0;
};

/// Continues `prompt` (at least one token) until an end token of the model's config, the limit, the
/// end of the model's context, or until `on_token` returns false. Returns the new tokens without
/// the end token.
std::vector<int32_t> Generate(const Llama& model, const std::vector<int32_t>& prompt,
                              const SamplingOptions& options,
                              const std::function<bool(int32_t)>& on_token = {});

/// One draw from logits_V (f32): temperature, then top-k, then top-p, as transformers orders them.
/// `uniform` in [0, 1) decides; temperature 0 takes the most likely, the lowest id on ties.
int32_t SampleToken(const at::Tensor& logits_V, const SamplingOptions& options, double uniform);

}  // namespace meap
