#include "infer/decode_step.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "nn/dispatch.h"
#include "nn/rms_norm_kernel.h"
#include "nn/rope_kernel.h"
#include "nn/skinny_linear_kernel.h"
#include "nn/swiglu_kernel.h"

namespace meap {
namespace {

/// Shares of a weight are cut between its tiles.
constexpr int64_t kTileRows = PackedTiles::kRows;

std::byte* Row(const at::Tensor& rows, int64_t row) {
  return static_cast<std::byte*>(rows.data_ptr()) + row * rows.stride(0) * rows.element_size();
}

}  // namespace

DecodeStep::DecodeStep(const Llama& model, const PackedModel* packed,
                       const std::vector<CacheAttender::Part>& parts)
    : model_(model), packed_(packed), parts_(parts), config_(model.config()) {
  const auto tokens = static_cast<int64_t>(parts.size());
  const int64_t heads = config_.num_attention_heads + 2 * config_.num_key_value_heads;
  const auto options = model.embedding().options();
  const auto f32 = options.dtype(at::kFloat);
  stream_ND_ = at::empty({tokens, config_.hidden_size}, options);
  delta_ND_ = at::empty_like(stream_ND_);
  normed_ND_ = at::empty_like(stream_ND_);
  qkv_ = at::empty({tokens, heads * config_.head_dim}, options);
  mixed_ = at::empty({tokens, config_.num_attention_heads * config_.head_dim}, options);
  gate_up_N2F_ = at::empty({tokens, 2 * config_.intermediate_size}, options);
  hidden_NF_ = at::empty({tokens, config_.intermediate_size}, options);
  logits_NV_ = at::empty({tokens, config_.vocab_size}, f32);
  scale_N_ = at::empty({tokens}, f32);
  scale_NH_ = at::empty({tokens, heads}, f32);
  for (const CacheAttender::Part& part : parts) positions_.push_back(part.cache->length());
  MakeProducts();
  MakeAttention();
  int64_t scratch = attention_[0].ScratchSize();
  for (const SkinnyProduct& product : products_) {
    scratch = std::max(scratch, product.WorkspaceSize());
  }
  scratch_ = at::empty({at::get_num_threads(), scratch}, f32);
}

float* DecodeStep::Scratch(const Team::Member& member) const {
  return scratch_.mutable_data_ptr<float>() + member.index() * scratch_.stride(0);
}

void DecodeStep::MakeProducts() {
  for (size_t layer = 0; layer < model_.blocks().size(); ++layer) {
    const LlamaBlock& block = model_.blocks()[layer];
    const auto* packed = packed_ == nullptr ? nullptr : &packed_->blocks[layer];
    AddProduct(normed_ND_, block.qkv, packed ? &packed->qkv : nullptr, block.qkv_bias, qkv_);
    AddProduct(mixed_, block.out, packed ? &packed->out : nullptr, block.out_bias, delta_ND_);
    AddProduct(normed_ND_, block.gate_up, packed && packed->gate_up ? &*packed->gate_up : nullptr,
               block.gate_up_bias, gate_up_N2F_);
    AddProduct(hidden_NF_, block.down, packed ? &packed->down : nullptr, block.down_bias,
               delta_ND_);
  }
  AddProduct(normed_ND_, model_.head(), packed_ ? &*packed_->head : nullptr, {}, logits_NV_);
  taken_ = std::vector<std::atomic<int64_t>>(products_.size());
}

void DecodeStep::AddProduct(const at::Tensor& x_NI, const at::Tensor& weight_OI,
                            const PackedWeight* packed, const at::Tensor& bias_O,
                            const at::Tensor& out_NO) {
  products_.push_back({.element = ElementOf(x_NI),
                       .tokens = x_NI.size(0),
                       .width = x_NI.size(1),
                       .rows = weight_OI.size(0),
                       .x = x_NI.const_data_ptr(),
                       .weight = weight_OI.const_data_ptr(),
                       .packed = packed ? packed->tiles() : PackedTiles{},
                       .bias = bias_O.defined() ? bias_O.const_data_ptr() : nullptr,
                       .out_f32 = out_NO.scalar_type() == at::kFloat,
                       .out = out_NO.data_ptr()});
}

void DecodeStep::MakeAttention() {
  for (int64_t layer = 0; layer < config_.num_hidden_layers; ++layer) {
    std::vector<CachedRows> rows;
    for (const CacheAttender::Part& part : parts_) {
      rows.push_back({part.cache->keys_CKd_[layer].const_data_ptr(),
                      part.cache->values_CKd_[layer].const_data_ptr(), part.cache->length() + 1});
    }
    attention_.emplace_back(ElementOf(qkv_), config_.num_attention_heads,
                            config_.num_key_value_heads, config_.head_dim, std::move(rows),
                            qkv_.const_data_ptr(), qkv_.stride(0), mixed_.data_ptr());
  }
  attention_room_ = at::empty({attention_[0].WorkspaceSize()}, scale_N_.options());
  for (DecodeAttention& attention : attention_) {
    attention.SetWorkspace(attention_room_.mutable_data_ptr<float>());
  }
}

at::Tensor DecodeStep::Logits() {
  Team::Run([this](Team::Member& member) { Run(member); });
  return logits_NV_;
}

void DecodeStep::Run(Team::Member& member) {
  const std::vector<LlamaBlock>& blocks = model_.blocks();
  Expect(member, 0);
  Embed(member);
  Norm(member, blocks[0].attention_norm_D, /*adds=*/false);
  for (size_t layer = 0; layer < blocks.size(); ++layer) {
    const size_t product = 4 * layer;
    Project(member, product);
    Attend(member, layer);
    Project(member, product + 1);
    Norm(member, blocks[layer].mlp_norm_D, /*adds=*/true);
    ProjectAndGate(member, product + 2);
    Project(member, product + 3);
    const bool last = layer + 1 == blocks.size();
    Norm(member, last ? model_.final_norm() : blocks[layer + 1].attention_norm_D, /*adds=*/true);
  }
  Project(member, products_.size() - 1);
}

void DecodeStep::Embed(Team::Member& member) {
  const auto [begin, end] = member.Share(stream_ND_.size(0));
  const size_t bytes = config_.hidden_size * stream_ND_.element_size();
  for (int64_t n = begin; n < end; ++n) {
    std::memcpy(Row(stream_ND_, n), Row(model_.embedding(), parts_[n].ids[0]), bytes);
  }
}

void DecodeStep::Norm(Team::Member& member, const at::Tensor& weight_D, bool adds) {
  const RmsNormForward work{.element = ElementOf(stream_ND_),
                            .width = config_.hidden_size,
                            .eps = static_cast<float>(config_.rms_norm_eps),
                            .x = stream_ND_.const_data_ptr(),
                            .delta = adds ? delta_ND_.const_data_ptr() : nullptr,
                            .weight = weight_D.const_data_ptr(),
                            .sum = stream_ND_.data_ptr(),
                            .normed = normed_ND_.data_ptr(),
                            .scale = scale_N_.mutable_data_ptr<float>()};
  const auto [begin, end] = member.Share(stream_ND_.size(0));
  work.Run(begin, end);
  member.Meet();
}

void DecodeStep::Expect(Team::Member& member, size_t product) const {
  if (product == products_.size()) return;
  const bool gates = product % 4 == 2;  // each member has rows of both halves: see ProjectAndGate
  const int64_t rows = gates ? config_.intermediate_size : products_[product].rows;
  const auto [begin, end] = member.Share(Team::Most(rows, kTileRows), kTileRows);
  member.Expect(products_[product].Stored(begin, end));
}

SkinnyProduct DecodeStep::Prepared(const Team::Member& member, size_t product) const {
  SkinnyProduct work = products_[product];
  work.widened = Scratch(member);
  work.Prepare();
  return work;
}

void DecodeStep::Project(Team::Member& member, size_t product) {
  const SkinnyProduct work = Prepared(member, product);
  member.Divide(work.rows, kTileRows, taken_[product],
                [&](int64_t begin, int64_t end) { work.Run(begin, end); });
  Expect(member, product + 1);
  member.Meet();
}

void DecodeStep::Attend(Team::Member& member, size_t layer) {
  const auto [first, last] = member.Share(qkv_.size(0));
  for (int64_t n = first; n < last; ++n) {
    if (config_.qk_norm) NormHeads(layer, n);
    RotateAndStore(layer, n);
  }
  member.Meet();
  const DecodeAttention& attention = attention_[layer];
  const auto [begin, end] = member.Share(attention.pieces());
  attention.Attend(begin, end, Scratch(member));
  member.Meet();
  const auto [merge_begin, merge_end] = member.Share(attention.merges());
  attention.Merge(merge_begin, merge_end);
  member.Meet();
}

void DecodeStep::NormHeads(size_t layer, int64_t sequence) {
  const LlamaBlock& block = model_.blocks()[layer];
  const int64_t heads = config_.num_attention_heads;
  void* const row = Row(qkv_, sequence);
  RmsNormForward work{.element = ElementOf(qkv_),
                      .width = config_.head_dim,
                      .eps = static_cast<float>(config_.rms_norm_eps),
                      .x = row,
                      .weight = block.q_norm_d.const_data_ptr(),
                      .normed = row,
                      .scale = scale_NH_.mutable_data_ptr<float>() + sequence * scale_NH_.size(1)};
  work.Run(0, heads);
  work.weight = block.k_norm_d.const_data_ptr();
  work.Run(heads, heads + config_.num_key_value_heads);
}

void DecodeStep::RotateAndStore(size_t layer, int64_t sequence) {
  const int64_t width = config_.num_key_value_heads * config_.head_dim;
  const int64_t heads = config_.num_attention_heads + config_.num_key_value_heads;
  const Rotation work{.element = ElementOf(qkv_),
                      .heads = heads,
                      .head_dim = config_.head_dim,
                      .inverse = false,
                      .cos = model_.rope().cos_Pd.const_data_ptr<float>(),
                      .sin = model_.rope().sin_Pd.const_data_ptr<float>(),
                      .positions = positions_.data(),
                      .from = qkv_.const_data_ptr(),
                      .from_stride = qkv_.stride(0),
                      .to = qkv_.data_ptr(),
                      .to_stride = qkv_.stride(0)};
  work.Run(sequence, sequence + 1);
  const KvCache& cache = *parts_[sequence].cache;
  const size_t bytes = width * qkv_.element_size();
  const std::byte* value = Row(qkv_, sequence) + heads * config_.head_dim * qkv_.element_size();
  std::memcpy(Row(cache.keys_CKd_[layer], positions_[sequence]), value - bytes, bytes);
  std::memcpy(Row(cache.values_CKd_[layer], positions_[sequence]), value, bytes);
}

void DecodeStep::ProjectAndGate(Team::Member& member, size_t product) {
  const int64_t width = config_.intermediate_size;
  const SkinnyProduct work = Prepared(member, product);
  const SwiGluForward gate{ElementOf(gate_up_N2F_), width, gate_up_N2F_.const_data_ptr(),
                           hidden_NF_.data_ptr()};
  member.Divide(width, kTileRows, taken_[product], [&](int64_t begin, int64_t end) {
    work.Run(begin, end);
    work.Run(width + begin, width + end);
    gate.Run(0, hidden_NF_.size(0), begin, end);
  });
  Expect(member, product + 1);
  member.Meet();
}

}  // namespace meap
