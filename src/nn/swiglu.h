// SwiGLU (Shazeer, 2020). Shapes: N tokens, F width of the hidden layer.
#pragma once

#include <ATen/core/Tensor.h>

namespace meap {

/// silu(gate) * up, where gate_up_N2F holds gate in its first F columns and up in the rest.
/// Differentiable.
at::Tensor SwiGlu(const at::Tensor& gate_up_N2F);

}  // namespace meap
