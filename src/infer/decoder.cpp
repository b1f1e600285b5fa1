#include "infer/decoder.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "core/error.h"
#include "core/machine.h"
#include "infer/decode_step.h"
#include "infer/out_of_memory.h"
#include "model/device.h"
#include "nn/dispatch.h"
#include "nn/skinny_linear.h"

namespace meap {
namespace {

/// Steps before the weights are packed. For SmolLM2-135M packing took 0.3 s, most of it the
/// system's clearing of new pages, and it spares a fifth to a third of a step of 5 ms: whoever
/// stops early has lost nothing, whoever goes on has it back after as many steps again.
constexpr int64_t kStepsBeforePacking = 128;

bool IsAligned(const Llama& model) {
  return model.config().intermediate_size % PackedTiles::kRows == 0;
}

/// The matrices that are packed.
std::vector<at::Tensor> Matrices(const Llama& model) {
  std::vector<at::Tensor> matrices = {model.head()};
  for (const LlamaBlock& block : model.blocks()) {
    matrices.insert(matrices.end(), {block.qkv, block.out, block.down});
    if (IsAligned(model)) matrices.push_back(block.gate_up);
  }
  return matrices;
}

/// Packed weights stand beside the plain ones, which prompts are computed with: together with the
/// whole of the caches they may take half of the memory that is left.
bool FitsMemory(const Llama& model, const std::vector<CacheAttender::Part>& parts) {
  int64_t bytes = PackedModel::Bytes(model);
  for (const CacheAttender::Part& part : parts) {
    bytes += KvCache::Bytes(model.config(), part.cache->capacity(), model.head().scalar_type());
  }
  return bytes <= AvailableMemory() / 2;
}

}  // namespace

int64_t PackedModel::Bytes(const Llama& model) {
  int64_t bytes = 0;
  for (const at::Tensor& matrix : Matrices(model)) bytes += PackedWeight::Bytes(matrix);
  return bytes;
}

bool PackedModel::Suits(const Llama& model) {
  const std::vector<at::Tensor> matrices = Matrices(model);
  return std::all_of(matrices.begin(), matrices.end(), PackedWeight::Suits);
}

PackedModel::PackedModel(const Llama& model) : bytes(Bytes(model)) {
  const at::Tensor room = at::empty({bytes}, at::kByte);  // one piece, for huge pages
  PreferHugePages(room);
  int64_t used = 0;
  const auto pack = [&](const at::Tensor& weight) {
    const int64_t begin = used;
    used += PackedWeight::Bytes(weight);
    return PackedWeight(weight, room.narrow(0, begin, used - begin));
  };
  for (const LlamaBlock& block : model.blocks()) {
    blocks.push_back(
        {.qkv = pack(block.qkv),
         .out = pack(block.out),
         .gate_up = IsAligned(model) ? std::optional(pack(block.gate_up)) : std::nullopt,
         .down = pack(block.down)});
  }
  head = pack(model.head());
}

bool Decoder::Takes(const std::vector<CacheAttender::Part>& parts) const {
  const at::Tensor& embedding = model_.embedding();
  const bool plain = model_.lora_parameters().empty() &&
                     model_.blocks()[0].qkv.scalar_type() == embedding.scalar_type();
  return plain && HasKernel(embedding) && !parts.empty() &&
         static_cast<int64_t>(parts.size()) <= kSkinnyTokens &&
         std::all_of(parts.begin(), parts.end(), [](const auto& p) { return p.ids.size() == 1; });
}

void Decoder::PackWhenItPays(const std::vector<CacheAttender::Part>& parts) {
  if (steps_++ != kStepsBeforePacking) return;
  if (!PackedModel::Suits(model_) || !FitsMemory(model_, parts)) return;
  try {
    packed_ = std::make_unique<PackedModel>(model_);
  } catch (const std::exception& error) {
    if (!IsOutOfMemory(error)) throw;  // else the plain weights do as well
  }
}

at::Tensor Decoder::Logits(const std::vector<CacheAttender::Part>& parts) {
  for (const CacheAttender::Part& part : parts) {
    MEAP_CHECK(part.ids[0] >= 0 && part.ids[0] < model_.config().vocab_size,
               "tokens are of the vocabulary");
    MEAP_CHECK(part.cache->length() < model_.config().max_position_embeddings,
               "the context has room");
  }
  PackWhenItPays(parts);
  return DecodeStep(model_, packed_.get(), parts).Logits();
}

}  // namespace meap
