// Low-rank adapters (Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", 2021): a
// frozen projection x W^T gets scale * (x A^T) B^T added, and only A and B are trained.
// Shapes: N tokens, D inputs of a projection, O its outputs, r rank, F width of a SwiGLU's hidden
// layer.
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

/// x weight^T + bias with what the adapters add to it; [N, O]. `bias_O` may be undefined. Where
/// there are adapters, weight and bias are frozen: x, A and B alone get gradients, and of the
/// forward pass x and what A makes of it are kept. Dropout is drawn from `dropout_seed`, and none
/// happens without it.
at::Tensor AdaptedLinear(const at::Tensor& x_ND, const at::Tensor& weight_OD,
                         const at::Tensor& bias_O, const AdaptedMatrix& lora,
                         std::optional<uint64_t> dropout_seed);

/// AdaptedLinear of SwiGlu(gate_up), of which gate_up is kept alone.
at::Tensor AdaptedSwiGluLinear(const at::Tensor& gate_up_N2F, const at::Tensor& weight_OF,
                               const at::Tensor& bias_O, const AdaptedMatrix& lora,
                               std::optional<uint64_t> dropout_seed);

/// What dropout multiplies what the adapters of a matrix read with: 0 for a share of the numbers,
/// and for the rest what keeps the mean; undefined where nothing is dropped. Drawn on the CPU: the
/// same on every device, and each time that it is asked for.
at::Tensor DropoutFactors(at::IntArrayRef sizes, const at::TensorOptions& options,
                          const AdaptedMatrix& lora, std::optional<uint64_t> dropout_seed);

/// scale * B A, what an adapter adds to the weights of its module; f32 [O, D].
at::Tensor LoraDelta(const at::Tensor& a_rD, const at::Tensor& b_Or, double scale);

namespace reference {
/// AdaptedLinear in plain libtorch, for every device and dtype.
at::Tensor AdaptedLinear(const at::Tensor& x_ND, const at::Tensor& weight_OD,
                         const at::Tensor& bias_O, const AdaptedMatrix& lora,
                         std::optional<uint64_t> dropout_seed);
}  // namespace reference

}  // namespace meap
