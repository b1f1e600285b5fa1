// Log-likelihoods of continuations: the scorer behind `meap score` and the evaluations.
#pragma once

#include <cstdint>
#include <vector>

#include "infer/loaded_model.h"

namespace meap {

/// One question to the scorer: how likely is `continuation` after `context`, in tokens.
struct ScoreRequest {
  std::vector<int32_t> context;       // at least one token
  std::vector<int32_t> continuation;  // at least one token
};

struct ScoreResult {
  double logprob = 0;   // sum of natural-log probabilities of the continuation's tokens
  int64_t tokens = 0;   // number of them
  bool greedy = false;  // every one was the most likely
};

/// The tokens of a request from texts, by the harness's rule: `context + continuation` and
/// `context` are encoded, both with the tokenizer's special tokens, and the continuation is the
/// tail of the first. An empty context becomes BOS (or EOS where there is none); InputError when
/// the tail is empty.
ScoreRequest EncodeRequest(const Tokenizer& tokenizer, const std::string& context,
                           const std::string& continuation);

/// Results in the order of the requests. A request longer than the model's context keeps its last
/// tokens. Requests run sorted by length in packed batches of at most `batch_tokens`; no result
/// depends on the batch it ran in beyond the rounding of the matrix products.
std::vector<ScoreResult> Score(const Llama& model, const std::vector<ScoreRequest>& requests,
                               int64_t batch_tokens = 4096);

}  // namespace meap
