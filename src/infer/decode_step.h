// One decoding step of a whole model in one parallel region.
// Shapes: N sequences with a new token each, D width, H query heads, K key/value heads, d head
// width, F SwiGLU width, V vocabulary.
#pragma once

#include <ATen/core/Tensor.h>

#include <atomic>
#include <vector>

#include "infer/decoder.h"
#include "nn/cached_attention_kernel.h"
#include "nn/skinny_linear_kernel.h"
#include "nn/team.h"

namespace meap {

/// What Decoder::Logits promises, in one parallel region. Reading a small model's weights takes
/// hardly longer than calling libtorch fifteen times a block and handing work to threads five
/// times: here threads start once and meet between the steps.
class DecodeStep {
 public:
  /// `packed` is the model's or null. All must outlive it.
  DecodeStep(const Llama& model, const PackedModel* packed,
             const std::vector<CacheAttender::Part>& parts);

  /// f32 [N, V]; once.
  at::Tensor Logits();

 private:
  void MakeProducts();
  void AddProduct(const at::Tensor& x_NI, const at::Tensor& weight_OI, const PackedWeight* packed,
                  const at::Tensor& bias_O, const at::Tensor& out_NO);
  void MakeAttention();
  float* Scratch(const Team::Member& member) const;
  // The steps, each run by every member of the team.
  void Run(Team::Member& member);
  void Embed(Team::Member& member);
  void Norm(Team::Member& member, const at::Tensor& weight_D, bool adds);
  void Project(Team::Member& member, size_t product);
  void Attend(Team::Member& member, size_t layer);
  void NormHeads(size_t layer, int64_t sequence);
  void RotateAndStore(size_t layer, int64_t sequence);
  void ProjectAndGate(Team::Member& member, size_t product);
  /// The product for this thread.
  SkinnyProduct Prepared(const Team::Member& member, size_t product) const;
  void Expect(Team::Member& member, size_t product) const;

  const Llama& model_;
  const PackedModel* packed_;
  const std::vector<CacheAttender::Part>& parts_;
  const LlamaConfig& config_;
  std::vector<int64_t> positions_;
  at::Tensor stream_ND_, delta_ND_, normed_ND_, qkv_, mixed_, gate_up_N2F_, hidden_NF_, logits_NV_;
  at::Tensor scale_N_, scale_NH_;            // of the norms, which only a backward pass would read
  at::Tensor scratch_;                       // of one row a thread
  at::Tensor attention_room_;                // partial results of attention
  std::vector<SkinnyProduct> products_;      // as used: qkv, out, gate_up, down of each block; head
  std::vector<std::atomic<int64_t>> taken_;  // rows of each product: see Team::Member::Divide
  std::vector<DecodeAttention> attention_;   // one a block
};

}  // namespace meap
