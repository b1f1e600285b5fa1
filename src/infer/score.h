// Log-likelihoods of continuations: the scorer behind `meap score` and the evaluations.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "infer/loaded_model.h"
#include "infer/score_plan.h"

namespace meap {

struct ScoreResult {
  double logprob = 0;   // sum of natural-log probabilities of the continuation's tokens
  int64_t tokens = 0;   // number of them
  bool greedy = false;  // every one was the most likely
  std::vector<float> token_logprobs = {};  // of each of them, in order
};

/// Tokens of a batch: enough to fill the cores, few enough for their caches.
inline constexpr int64_t kScoreBatchTokens = 2048;

/// Results in the order of the requests; one without a continuation has no tokens, log-probability
/// 0 and is greedy. A request longer than the model's context keeps its last
/// tokens. Requests run sorted by length in packed batches of at most `batch_tokens`, without
/// padding and with common beginnings computed once; no result depends on the batch it ran in
/// beyond the rounding of the matrix products.
std::vector<ScoreResult> Score(const Llama& model, std::span<const ScoreRequest> requests,
                               int64_t batch_tokens = kScoreBatchTokens);

/// Runs one batch of a plan in one forward pass, in halves when memory runs out, and calls
/// `result` for each of its requests.
void RunScoreBatch(const Llama& model, const ScoreBatch& batch,
                   const std::function<void(size_t request, ScoreResult)>& result);

}  // namespace meap
