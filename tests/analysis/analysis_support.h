// Small models, and attention computed the long way, as the oracle of the streamed measures.
#pragma once

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cmath>
#include <vector>

#include "analysis/attention_stream.h"
#include "infer/loaded_model.h"
#include "model/presets.h"
#include "tests/support.h"

namespace meap::testing {

/// A small model with fresh weights and a tokenizer with [MASK].
inline LoadedModel FreshModel(uint64_t seed, int64_t layers = 2, int64_t heads = 4,
                              int64_t kv_heads = 2, int64_t context = 256) {
  Tokenizer tokenizer = Tokenizer::Load(Fixture("tokenizers/some-bytes"));
  tokenizer.AddMaskToken();
  ModelOptions options;
  options.preset = "tiny";
  options.num_hidden_layers = layers;
  options.num_attention_heads = heads;
  options.num_key_value_heads = kv_heads;
  Llama model(ConfigFromOptions(options, tokenizer.VocabSize(), context), at::kFloat, at::kCPU);
  model.Initialize(seed);
  return {std::move(tokenizer), std::move(model), at::kCPU};
}

/// Keeps all of the attention: [L][R, H, T, T].
class Recorder : public AttentionObserver {
 public:
  Recorder(int64_t layers, int64_t sequences, int64_t heads, int64_t length) {
    for (int64_t layer = 0; layer < layers; ++layer) {
      weights.push_back(at::zeros({sequences, heads, length, length}));
    }
  }
  void Observe(const AttentionBlock& block) override {
    weights[static_cast<size_t>(block.layer)]
        .narrow(2, block.first_query, block.queries())
        .narrow(3, 0, block.keys())
        .copy_(block.weights_RHBS);
  }
  std::vector<at::Tensor> weights;
};

/// What Attend() is given, with the whole of the attention computed from it at once.
class WholeAttention : public Attender {
 public:
  explicit WholeAttention(int64_t sequences, int64_t length)
      : plain_(Segments::Regular(sequences, length)), sequences_(sequences), length_(length) {}
  at::Tensor Attend(int64_t layer, const at::Tensor& q, const at::Tensor& k,
                    const at::Tensor& v) override {
    const auto split = [&](const at::Tensor& x) {
      return x.to(at::kDouble)
          .reshape({sequences_, length_, x.size(1), x.size(2)})
          .transpose(1, 2)
          .repeat_interleave(q.size(1) / x.size(1), 1);
    };
    const at::Tensor scores =
        at::matmul(split(q), split(k).transpose(2, 3)) / std::sqrt(double(q.size(2)));
    const at::Tensor ahead = at::ones({length_, length_}, at::kBool).triu(1);
    weights.push_back(scores.masked_fill(ahead, -INFINITY).softmax(-1));
    return plain_.Attend(layer, q, k, v);
  }
  std::vector<at::Tensor> weights;  // [L][R, H, T, T], f64

 private:
  PackedAttender plain_;
  int64_t sequences_;
  int64_t length_;
};

inline at::Tensor RandomIds(int64_t rows, int64_t length) {
  at::manual_seed(7);
  return at::randint(190, {rows, length}, at::kLong);
}

inline void RunModel(const Llama& model, const at::Tensor& ids_RT, Attender& attender) {
  const at::NoGradGuard no_grad;
  const at::Tensor positions = at::arange(ids_RT.size(1), at::kLong).repeat({ids_RT.size(0)});
  model.Forward(ids_RT.reshape({-1}), positions, attender);
}

}  // namespace meap::testing
