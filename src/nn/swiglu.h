// SwiGLU (Shazeer, 2020). Shapes: N tokens, F width of the hidden layer, O outputs.
#pragma once

#include <ATen/core/Tensor.h>

namespace meap {

/// silu(gate) * up, where gate_up_N2F holds gate in its first F columns and up in the rest.
/// Differentiable; of the forward pass only gate_up is kept.
at::Tensor SwiGlu(const at::Tensor& gate_up_N2F);

/// SwiGlu(gate_up) weight^T + bias; [N, O]. `bias_O` may be undefined. Differentiable in all three,
/// and of the forward pass only gate_up is kept: the hidden layer, a third of what an MLP would
/// keep, is written again by the pass that makes gate_up's gradient.
at::Tensor SwiGluLinear(const at::Tensor& gate_up_N2F, const at::Tensor& weight_OF,
                        const at::Tensor& bias_O = {});

/// The gradient of gate_up from that of SwiGlu's result, where HasFusedKernel. `out_NF`, where
/// defined, gets the result again. No gaps in any of the three; not differentiable.
at::Tensor SwiGluGradient(const at::Tensor& gate_up_N2F, const at::Tensor& grad_out_NF,
                          const at::Tensor& out_NF);

namespace reference {
/// The same in plain libtorch, for every device and dtype.
at::Tensor SwiGlu(const at::Tensor& gate_up_N2F);
at::Tensor SwiGluLinear(const at::Tensor& gate_up_N2F, const at::Tensor& weight_OF,
                        const at::Tensor& bias_O = {});
}  // namespace reference

}  // namespace meap
