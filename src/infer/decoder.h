// Decoding, a token at a time for some sequences at once, at the speed of the CPU's memory.
// Shapes: N sequences, V vocabulary.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <optional>
#include <vector>

#include "infer/kv_cache.h"
#include "model/llama.h"
#include "nn/packed_weight.h"

namespace meap {

/// The matrices of a model as decoding reads them.
struct PackedModel {
  struct Block {
    PackedWeight qkv, out, gate_up, down;
  };
  std::vector<Block> blocks;
  std::optional<PackedWeight> head;

  explicit PackedModel(const Llama& model);
  static int64_t Bytes(const Llama& model);
};

class Decoder {
 public:
  /// `model` must outlive it.
  explicit Decoder(const Llama& model) : model_(model) {}

  /// Whether it takes this step: one new token each, few sequences, a plain model on the CPU.
  bool Takes(const std::vector<CacheAttender::Part>& parts) const;

  /// What follows each sequence, f32 [N, V]; the bits of Llama::Forward with a CacheAttender and
  /// Llama::Logits. New keys and values stand behind the old ones; CacheAttender::Commit makes the
  /// tokens part of the caches.
  at::Tensor Logits(const std::vector<CacheAttender::Part>& parts);

 private:
  void PackWhenItPays();

  const Llama& model_;
  int64_t steps_ = 0;
  std::unique_ptr<PackedModel> packed_;
};

}  // namespace meap
