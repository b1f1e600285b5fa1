// Tokens from a model for many prompts at once: continuous batching over key/value caches.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "infer/decoder.h"
#include "infer/kv_cache.h"
#include "infer/sampling.h"
#include "model/llama.h"

namespace meap {

/// A prompt to continue.
struct TokenRequest {
  std::vector<int32_t> prompt;  // at least one token
  SamplingOptions sampling;
};

/// What ended a continuation.
enum class Finish {
  kEndToken,  // the model's: an end token of its configuration
  kLimit,     // max_new_tokens
  kContext,   // the end of the model's context
  kCallback,  // on_token said so
};

/// A continuation, without the end token.
struct TokenResult {
  std::vector<int32_t> tokens;
  Finish finish = Finish::kLimit;
};

struct GeneratorOptions {
  /// Sequences that are decoded together. A finished one makes room for the next.
  int64_t max_sequences = 16;
  /// Prompt tokens of one forward pass; a longer prompt goes alone.
  int64_t prompt_tokens = 2048;
  /// Most bytes that the caches of the running sequences take. 0 is half of the machine's memory;
  /// on a GPU there is no limit. Where memory runs out all the same, fewer run together.
  int64_t cache_bytes = 0;
};

/// Continues prompts. Results do not depend on what else runs in the batch: every request draws
/// from its own seed, and on the CPU a decoding step of up to 16 sequences computes each as if it
/// were alone. What a prompt shares with the one before it, in this call or the last, is computed
/// once: the questions about one context, the turns of one chat.
class Generator {
 public:
  /// Called for each new token but the end token; false ends this request.
  using OnToken = std::function<bool(size_t request, int32_t token)>;
  /// Called once for each request, as soon as it is finished.
  using OnFinish = std::function<void(size_t request, const TokenResult& result)>;

  /// `model` must outlive it.
  explicit Generator(const Llama& model, const GeneratorOptions& options = {});
  ~Generator();

  /// Results in the order of the requests. A prompt longer than the model's context is an
  /// InputError; one that fills it gets one token.
  std::vector<TokenResult> Run(const std::vector<TokenRequest>& requests,
                               const OnToken& on_token = {}, const OnFinish& on_finish = {});

 private:
  const Llama& model_;
  GeneratorOptions options_;
  Decoder decoder_;
  std::shared_ptr<KvCache> last_;  // of the newest prompt: where the next finds its prefix
};

}  // namespace meap
