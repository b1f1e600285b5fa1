// How the next token is chosen from the model's logits.
#pragma once

#include <cstdint>
#include <span>

namespace meap {

struct SamplingOptions {
  int64_t max_new_tokens = 128;
  double temperature = 0;         // 0 = greedy
  int64_t top_k = 0;              // only the k most likely; 0 = all
  double top_p = 1;               // only the most likely that together hold this share
  double repetition_penalty = 1;  // above 1, tokens that were there before become less likely
  uint64_t seed = 0;
};

/// Divides positive logits of `ids` by `penalty` and multiplies negative ones by it, each once
/// (Keskar et al., "CTRL", 2019, section 4.1).
void PenaliseRepetition(std::span<float> logits, std::span<const int32_t> ids, double penalty);

/// Whether all are finite numbers. In those of a sound model they are.
bool AreFinite(std::span<const float> logits);

/// One draw: temperature, then top-k, then top-p, as transformers orders them. `uniform` in [0, 1)
/// decides; temperature 0 takes the most likely, the lowest id on ties.
int32_t SampleToken(std::span<const float> logits, const SamplingOptions& options, double uniform);

}  // namespace meap
