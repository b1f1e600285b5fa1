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
    PackedWeight qkv, out;
    std::optional<PackedWeight> gate_up;  // none where up would not begin with a tile of rows
    PackedWeight down;
  };
  int64_t bytes;
  std::vector<Block> blocks;
  std::optional<PackedWeight> head;

  /// Packs all of them, into Bytes(model) bytes.
  explicit PackedModel(const Llama& model);
  static int64_t Bytes(const Llama& model);
  /// Whether the kernels of this CPU read such matrices.
  static bool Suits(const Llama& model);
};

/// Decoding steps of one model on the CPU. After many of them its bf16 weights are packed, where
/// memory allows; the results are the same.
class Decoder {
 public:
  /// `model` must outlive it, and its weights must not change.
  explicit Decoder(const Llama& model) : model_(model) {}

  /// Whether it takes this step: one new token each, few sequences, a plain model on the CPU.
  bool Takes(const std::vector<CacheAttender::Part>& parts) const;

  /// What follows each sequence, f32 [N, V]; the bits of Llama::Forward with a CacheAttender and
  /// Llama::Logits. New keys and values stand behind the old ones; CacheAttender::Commit makes the
  /// tokens part of the caches. For what it Takes; a token outside the vocabulary or a full context
  /// is a logic error.
  at::Tensor Logits(const std::vector<CacheAttender::Part>& parts);

  /// Bytes of the packed weights; 0 while there are none.
  int64_t packed_bytes() const { return packed_ ? packed_->bytes : 0; }

 private:
  void PackWhenItPays(const std::vector<CacheAttender::Part>& parts);

  const Llama& model_;
  int64_t steps_ = 0;
  std::unique_ptr<PackedModel> packed_;
};

}  // namespace meap
