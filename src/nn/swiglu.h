// SwiGLU (Shazeer, 2020). Shapes: N tokens, F width of the hidden layer.
#pragma once

#include <ATen/core/Tensor.h>

namespace meap {

/// silu(gate) * up, where gate_up_N2F holds gate in its first F columns and up in the rest.
/// Differentiable; of the forward pass only gate_up is kept.
at::Tensor SwiGlu(const at::Tensor& gate_up_N2F);

namespace reference {
/// The same in plain libtorch, for every device and dtype.
at::Tensor SwiGlu(const at::Tensor& gate_up_N2F);
}  // namespace reference

}  // namespace meap
