// Low-rank adapters (Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", 2021): a
// frozen projection x W^T gets scale * (x A^T) B^T added, and only A and B are trained.
// Shapes: N tokens, D inputs of a projection, O its outputs, r rank.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace meap {

/// An adapter of one Hugging Face module. Modules that the model stacks into one matrix (q, k and
/// v; gate and up) keep adapters of their own, each on its rows.
struct LoraAdapter {
  int64_t row = 0;  // first of its rows in the model's matrix
  at::Tensor a_rD;  // drawn as PEFT does: uniform within 1 / sqrt(D)
  at::Tensor b_Or;  // begins at 0, so that the adapted model begins as the plain one
};

/// The adapters on one matrix of the model, by rising row.
struct AdaptedMatrix {
  std::vector<LoraAdapter> adapters = {};
  double scale = 1;    // alpha / r, or alpha / sqrt(r) (rsLoRA: Kalajdzievski, 2023)
  double dropout = 0;  // share of what A reads that is zeroed
  uint64_t salt = 0;   // tells the dropout of one matrix from that of others
};

/// out_NO, the frozen projection of x_ND, with what the adapters add to it; out_NO itself where
/// there are none. Dropout is drawn from `dropout_seed`, and none happens without it.
at::Tensor AddLora(const AdaptedMatrix& matrix, const at::Tensor& x_ND, const at::Tensor& out_NO,
                   std::optional<uint64_t> dropout_seed);

/// scale * B A, what an adapter adds to the weights of its module; f32 [O, D].
at::Tensor LoraDelta(const at::Tensor& a_rD, const at::Tensor& b_Or, double scale);

}  // namespace meap
