#include "analysis/segment_attention.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "core/error.h"
#include "infer/generate.h"

namespace meap {
namespace {

/// Shares from the queries of `tokens` from `first_query` on; [L, H, C].
at::Tensor SharesFrom(const LoadedModel& loaded, const SegmentedTokens& tokens,
                      int64_t first_query) {
  const at::NoGradGuard no_grad;
  const LlamaConfig& config = loaded.model.config();
  const auto length = static_cast<int64_t>(tokens.ids.size());
  SegmentObserver observer(tokens.segment, static_cast<int64_t>(tokens.names.size()),
                           config.num_hidden_layers, config.num_attention_heads, loaded.device);
  AttentionStream stream(1, length, {&observer}, first_query);
  const at::Tensor ids_N = at::tensor(tokens.ids, at::kLong).to(loaded.device);
  loaded.model.Forward(ids_N, at::arange(length, ids_N.options()), stream);
  return observer.Shares();
}

}  // namespace

SegmentObserver::SegmentObserver(const std::vector<int64_t>& segment, int64_t segments,
                                 int64_t layers, int64_t heads, at::Device device)
    : segment_TC_(at::one_hot(at::tensor(segment, at::kLong), segments).to(device, at::kFloat)),
      sums_LHC_(
          at::zeros({layers, heads, segments}, at::TensorOptions(device).dtype(at::kDouble))) {}

void SegmentObserver::Observe(const AttentionBlock& block) {
  const at::Tensor shares_HBC =
      at::matmul(block.weights_RHBS.select(0, 0), segment_TC_.narrow(0, 0, block.keys()));
  sums_LHC_[block.layer] += shares_HBC.sum(1, false, at::kDouble);
  if (block.layer == 0) queries_ += block.queries();
}

at::Tensor SegmentObserver::Shares() const {
  return sums_LHC_.div(static_cast<double>(queries_)).to(at::kCPU);
}

SegmentShares MeasureSegments(const LoadedModel& loaded, const std::vector<TextSegment>& segments,
                              int64_t answer_tokens) {
  SegmentShares shares{.tokens = EncodeSegments(loaded.tokenizer, segments)};
  SegmentedTokens& tokens = shares.tokens;
  const auto length = static_cast<int64_t>(tokens.ids.size());
  const int64_t context = loaded.model.config().max_position_embeddings;
  if (length > context) {
    throw InputError({.what = "the segments are longer than the model's context",
                      .where = "segments",
                      .expected = "at most " + std::to_string(context) + " tokens",
                      .got = std::to_string(length) + " tokens",
                      .hint = "give a shorter text: --input FILE.json"});
  }
  shares.last_token_LHC = SharesFrom(loaded, tokens, length - 1);
  if (answer_tokens > 0) {
    const TextRequest request{.prompt = tokens.ids, .sampling = {.max_new_tokens = answer_tokens}};
    TextResult answer = std::move(TextGenerator(loaded).Run({request})[0]);
    shares.generated = std::move(answer.text);
    if (!answer.tokens.empty()) {
      tokens.names.emplace_back("generated");
      tokens.ids.insert(tokens.ids.end(), answer.tokens.begin(), answer.tokens.end());
      tokens.segment.resize(tokens.ids.size(), static_cast<int64_t>(tokens.names.size()) - 1);
      shares.generated_LHC = SharesFrom(loaded, tokens, length);
    }
  }
  shares.counts.resize(tokens.names.size());
  for (const int64_t segment : tokens.segment) ++shares.counts[static_cast<size_t>(segment)];
  return shares;
}

}  // namespace meap
