// Letters in names: D width, F SwiGLU width, V vocabulary, N tokens of a forward pass.
#include "model/forecast.h"

#include <algorithm>
#include <functional>
#include <numeric>

#include "checkpoint/hf_folder.h"
#include "nn/linear_cross_entropy.h"

namespace meap {
namespace {

int64_t Elements(const ExpectedTensor& tensor) {
  return std::accumulate(tensor.shape.begin(), tensor.shape.end(), int64_t{1}, std::multiplies<>());
}

/// Bytes of a token in one block.
struct BlockBytes {
  double kept = 0;  // from the forward pass to the backward pass
  double made = 0;  // while the block is at work, beside what it keeps
};

/// Kept are the residual stream and its norm before attention and before the MLP, q, k and v,
/// q and k before norms of their own, attention's result with its f32 normalisers, the MLP's gate
/// and up, and what adapters keep: all, or what is not made again.
BlockBytes BytesPerToken(const TrainShape& shape, double element) {
  const LlamaConfig& c = shape.config;
  const auto heads = static_cast<double>(c.num_attention_heads);
  const auto kv_heads = static_cast<double>(c.num_key_value_heads);
  const auto head = static_cast<double>(c.head_dim);
  const auto width = static_cast<double>(c.hidden_size);
  const double norms = c.qk_norm ? (heads + kv_heads) * (head * element + sizeof(float)) : 0;
  const double attention = (2 * heads + 2 * kv_heads) * head * element + 4 * heads + norms;
  const double hidden = static_cast<double>(c.intermediate_size) * element;
  const double mlp = 2 * hidden;
  const double streams = 4 * width * element + 2 * sizeof(float);
  const double adapters = static_cast<double>(shape.adapter_width) * element;
  // The gradient on its way down and the widest temporaries: the MLP's hidden layer, its gradient,
  // and that of gate and up.
  const double passing = 3 * width * element + 2 * hidden + mlp;
  switch (shape.recomputed) {
    case Recomputed::kMlp:
      return {.kept = attention + streams + adapters, .made = mlp + passing};
    case Recomputed::kBlock:
      return {.kept = 2 * width * element, .made = attention + mlp + streams + adapters + passing};
    default:
      return {.kept = attention + mlp + streams + adapters, .made = passing};
  }
}

/// What a pass takes beside weights and moments when it takes the most.
struct PassBytes {
  double gradients = 0;
  double activations = 0;
  double head = 0;
};

PassBytes ForecastPass(const TrainShape& shape, double element, double trained) {
  const LlamaConfig& c = shape.config;
  const auto width = static_cast<double>(c.hidden_size);
  const auto vocabulary = static_cast<double>(c.vocab_size);
  const auto tokens = static_cast<double>(shape.micro_rows * shape.sequence_length);
  const BlockBytes block = BytesPerToken(shape, element);
  const double kept = tokens * block.kept * static_cast<double>(c.num_hidden_layers);
  const double made = tokens * block.made;
  const auto block_rows =
      static_cast<double>(CrossEntropyBlockRows(c.vocab_size, static_cast<int64_t>(element)));
  const double head_gradient = shape.frozen_head ? 0 : vocabulary * width * element;
  // A block of logits, the gradients of the last hidden states and of the head.
  const double head = std::min(tokens, block_rows) * vocabulary * element +
                      tokens * width * element + head_gradient;
  PassBytes bytes{.gradients = trained * element, .head = head};
  double peak = 0;
  if (shape.batch_rows > shape.micro_rows) {  // the sum of gradients is whole all the time
    bytes.gradients = trained * 4;
    peak = bytes.gradients + kept + std::max(head, made);
  } else {  // activations go as gradients come: the most at the start or at the end
    peak = std::max(kept + std::max(head, made + head_gradient), bytes.gradients + made);
  }
  bytes.activations = std::max(0.0, peak - bytes.gradients - head);
  return bytes;
}

}  // namespace

int64_t CountParameters(const LlamaConfig& config) {
  int64_t count = 0;
  for (const ExpectedTensor& tensor : HfTensors(config)) count += Elements(tensor);
  return count;
}

int64_t CountMatrixParameters(const LlamaConfig& config) {
  int64_t count = config.tie_word_embeddings ? config.vocab_size * config.hidden_size : 0;
  for (const ExpectedTensor& tensor : HfTensors(config)) {
    const bool embedding = tensor.name == "model.embed_tokens.weight";
    if (tensor.shape.size() > 1 && !embedding) count += Elements(tensor);
  }
  return count;
}

double TrainFlopsPerToken(const LlamaConfig& config, int64_t sequence_length) {
  const int64_t width = config.num_attention_heads * config.head_dim;
  const auto attention =
      static_cast<double>(config.num_hidden_layers * width) * static_cast<double>(sequence_length);
  return 6.0 * static_cast<double>(CountMatrixParameters(config)) + 6.0 * attention;
}

std::vector<MemoryUse> ForecastMemory(const TrainShape& shape) {
  const double element = shape.narrow ? 2 : 4;
  const auto parameters = static_cast<double>(CountParameters(shape.config));
  const double trained =
      shape.trained_parameters < 0 ? parameters : static_cast<double>(shape.trained_parameters);
  const PassBytes pass = ForecastPass(shape, element, trained);
  const auto positions = static_cast<double>(shape.batch_rows * shape.sequence_length);
  constexpr double kBytesPerPosition = 4 * 8 + 2;  // four int64 and two bytes
  constexpr double kBatches = 4;                   // two ready, one being made, one in use
  return {{"weights", parameters * element + (shape.narrow ? trained * 4 : 0)},
          {"gradients", pass.gradients},
          {"optimizer", trained * 8},
          {"activations", pass.activations},
          {"head", pass.head},
          {"data", positions * kBytesPerPosition * kBatches, /*on_host=*/true},
          {"checkpoint copy", shape.checkpoint_copy ? trained * 12 : 0, /*on_host=*/true}};
}

double TotalBytes(const std::vector<MemoryUse>& uses) {
  double total = 0;
  for (const MemoryUse& use : uses) total += use.bytes;
  return total;
}

}  // namespace meap
