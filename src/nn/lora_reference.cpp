// The plain libtorch form of adapted projections: any device and dtype, and the tests' oracle.
#include <ATen/ATen.h>

#include "nn/lora.h"

namespace meap::reference {

at::Tensor AdaptedLinear(const at::Tensor& x_ND, const at::Tensor& weight_OD,
                         const at::Tensor& bias_O, const AdaptedMatrix& lora,
                         std::optional<uint64_t> dropout_seed) {
  at::Tensor out_NO = at::linear(x_ND, weight_OD, bias_O);
  if (lora.adapters.empty()) return out_NO;
  const at::Tensor factors_ND = DropoutFactors(x_ND.sizes(), x_ND.options(), lora, dropout_seed);
  const at::Tensor read_ND = factors_ND.defined() ? x_ND * factors_ND : x_ND;
  std::vector<at::Tensor> parts;  // side by side: what is added to all O outputs
  int64_t row = 0;
  const auto nothing_until = [&](int64_t end) {
    if (end > row) parts.push_back(at::zeros({x_ND.size(0), end - row}, out_NO.options()));
    row = end;
  };
  for (const LoraAdapter& adapter : lora.adapters) {
    nothing_until(adapter.row);
    parts.push_back(at::linear(at::linear(read_ND, adapter.a_rD), adapter.b_Or));
    row += adapter.b_Or.size(0);
  }
  nothing_until(out_NO.size(1));
  return at::add(out_NO, at::cat(parts, 1), lora.scale);
}

}  // namespace meap::reference
