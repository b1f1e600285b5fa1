#include "infer/decoder.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "core/machine.h"
#include "infer/decode_step.h"
#include "model/device.h"
#include "nn/dispatch.h"
#include "nn/skinny_linear.h"

namespace meap {
namespace {

/// Steps after which the weights are packed: packing takes as long as some 30 steps and spares each
/// a fifth of its time, so that a short answer does not wait and a long one loses little.
constexpr int64_t kStepsBeforePacking = 32;

bool HasAdapters(const LlamaBlock& block) {
  return !block.qkv_lora.adapters.empty() || !block.out_lora.adapters.empty() ||
         !block.gate_up_lora.adapters.empty() || !block.down_lora.adapters.empty();
}

std::vector<at::Tensor> Matrices(const Llama& model) {
  std::vector<at::Tensor> matrices = {model.head()};
  for (const LlamaBlock& block : model.blocks()) {
    matrices.insert(matrices.end(), {block.qkv, block.out, block.gate_up, block.down});
  }
  return matrices;
}

/// Packed weights stand beside the plain ones, which prompts are computed with: they may take half
/// of the memory that is left.
bool ShouldPack(const Llama& model) {
  const std::vector<at::Tensor> matrices = Matrices(model);
  return std::all_of(matrices.begin(), matrices.end(), PackedWeight::Suits) &&
         PackedModel::Bytes(model) <= (MachineMemory() - AnonymousMemory()) / 2;
}

}  // namespace

int64_t PackedModel::Bytes(const Llama& model) {
  int64_t bytes = 0;
  for (const at::Tensor& matrix : Matrices(model)) bytes += PackedWeight::Bytes(matrix);
  return bytes;
}

PackedModel::PackedModel(const Llama& model) {
  const at::Tensor room = at::empty({Bytes(model)}, at::kByte);  // one piece, for huge pages
  PreferHugePages(room);
  int64_t used = 0;
  const auto pack = [&](const at::Tensor& weight) {
    const int64_t bytes = PackedWeight::Bytes(weight);
    used += bytes;
    return PackedWeight(weight, room.narrow(0, used - bytes, bytes));
  };
  for (const LlamaBlock& block : model.blocks()) {
    blocks.push_back({pack(block.qkv), pack(block.out), pack(block.gate_up), pack(block.down)});
  }
  head = pack(model.head());
}

bool Decoder::Takes(const std::vector<CacheAttender::Part>& parts) const {
  const at::Tensor& embedding = model_.embedding();
  const auto& blocks = model_.blocks();
  return HasKernel(embedding) && static_cast<int64_t>(parts.size()) <= kSkinnyTokens &&
         std::all_of(parts.begin(), parts.end(), [](const auto& p) { return p.ids.size() == 1; }) &&
         std::all_of(blocks.begin(), blocks.end(), [&](const LlamaBlock& block) {
           return block.qkv.scalar_type() == embedding.scalar_type() && !HasAdapters(block);
         });
}

void Decoder::PackWhenItPays() {
  if (++steps_ == kStepsBeforePacking && ShouldPack(model_)) {
    packed_ = std::make_unique<PackedModel>(model_);
  }
}

at::Tensor Decoder::Logits(const std::vector<CacheAttender::Part>& parts) {
  PackWhenItPays();
  return DecodeStep(model_, packed_.get(), parts).Logits();
}

}  // namespace meap
