#include "infer/generate.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>

#include "core/error.h"
#include "core/philox.h"
#include "infer/kv_cache.h"

namespace meap {

int32_t SampleToken(const at::Tensor& logits_V, const SamplingOptions& options, double uniform) {
  if (options.temperature == 0) return static_cast<int32_t>(logits_V.argmax().item<int64_t>());
  auto [sorted, ids] = (logits_V.to(at::kCPU, at::kDouble) / options.temperature)
                           .sort(/*stable=*/true, /*dim=*/-1, /*descending=*/true);
  int64_t kept = sorted.size(0);
  if (options.top_k > 0) kept = std::min(kept, options.top_k);
  const at::Tensor cumulative = sorted.narrow(0, 0, kept).softmax(-1).cumsum(-1).contiguous();
  const double* share = cumulative.const_data_ptr<double>();
  if (options.top_p < 1) {  // the first tokens whose sum reaches top_p, at least one
    kept =
        std::min<int64_t>(kept, std::lower_bound(share, share + kept, options.top_p) - share + 1);
  }
  const double target = uniform * share[kept - 1];
  const int64_t pick =
      std::min<int64_t>(std::upper_bound(share, share + kept, target) - share, kept - 1);
  return static_cast<int32_t>(ids.index({pick}).item<int64_t>());
}

std::vector<int32_t> Generate(const Llama& model, const std::vector<int32_t>& prompt,
                              const SamplingOptions& options,
                              const std::function<bool(int32_t)>& on_token) {
  const at::NoGradGuard no_grad;
  const LlamaConfig& config = model.config();
  const auto length = static_cast<int64_t>(prompt.size());
  MEAP_CHECK(length > 0, "a prompt has at least one token");
  if (length > config.max_position_embeddings) {
    throw InputError(
        {.what = "the prompt is longer than the model's context",
         .where = "--prompt",
         .expected = "at most " + std::to_string(config.max_position_embeddings) + " tokens",
         .got = std::to_string(length) + " tokens"});
  }
  const int64_t capacity =
      std::min(config.max_position_embeddings, length + options.max_new_tokens);
  const at::Device device = model.head().device();
  KvCache cache(config, 1, capacity, model.head().scalar_type(), device);
  PhiloxStream random(options.seed, random_stream::kSampling, 0, 0);
  std::vector<int64_t> next(prompt.begin(), prompt.end());
  std::vector<int32_t> generated;
  while (static_cast<int64_t>(generated.size()) < options.max_new_tokens) {
    const auto fresh = static_cast<int64_t>(next.size());
    const at::Tensor positions = at::arange(cache.length(), cache.length() + fresh,
                                            at::TensorOptions(device).dtype(at::kLong));
    const at::Tensor hidden = model.Forward(at::tensor(next).to(device), positions, cache);
    cache.Advance(fresh);
    const at::Tensor logits_V = model.Logits(hidden.narrow(0, fresh - 1, 1)).squeeze(0);
    const int32_t token = SampleToken(logits_V, options, random.Uniform());
    const auto& ends = config.eos_token_id;
    if (std::find(ends.begin(), ends.end(), token) != ends.end()) break;
    generated.push_back(token);
    if ((on_token && !on_token(token)) || cache.length() >= capacity) break;
    next = {token};
  }
  return generated;
}

}  // namespace meap
