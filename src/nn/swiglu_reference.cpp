// The plain libtorch form of SwiGlu: any device and dtype, and the tests' oracle.
#include <ATen/ATen.h>

#include "nn/swiglu.h"

namespace meap::reference {

at::Tensor SwiGlu(const at::Tensor& gate_up_N2F) {
  const auto halves = gate_up_N2F.chunk(2, -1);
  return at::silu(halves[0]) * halves[1];
}

at::Tensor SwiGluLinear(const at::Tensor& gate_up_N2F, const at::Tensor& weight_OF,
                        const at::Tensor& bias_O) {
  return at::linear(SwiGlu(gate_up_N2F), weight_OF, bias_O);
}

}  // namespace meap::reference
