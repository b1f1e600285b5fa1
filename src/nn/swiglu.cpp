#include "nn/swiglu.h"

#include <ATen/ATen.h>

namespace meap {

at::Tensor SwiGlu(const at::Tensor& gate_up_N2F) {
  const auto halves = gate_up_N2F.chunk(2, -1);
  return at::silu(halves[0]) * halves[1];
}

}  // namespace meap
