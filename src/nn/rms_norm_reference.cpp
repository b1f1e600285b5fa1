// The plain libtorch form of RmsNorm: any device and dtype, and the tests' oracle.
#include <ATen/ATen.h>

#include "nn/rms_norm.h"

namespace meap::reference {

at::Tensor RmsNorm(const at::Tensor& x_ND, const at::Tensor& weight_D, double eps) {
  const at::Tensor wide = x_ND.scalar_type() == at::kDouble ? x_ND : x_ND.to(at::kFloat);
  const at::Tensor scale = at::rsqrt(wide.pow(2).mean(-1, /*keepdim=*/true) + eps);
  return (wide * scale).to(x_ND.scalar_type()) * weight_D.to(x_ND.scalar_type());
}

std::pair<at::Tensor, at::Tensor> AddRmsNorm(const at::Tensor& residual_ND,
                                             const at::Tensor& delta_ND, const at::Tensor& weight_D,
                                             double eps) {
  at::Tensor sum_ND = residual_ND + delta_ND;
  at::Tensor normed_ND = RmsNorm(sum_ND, weight_D, eps);
  return {std::move(sum_ND), std::move(normed_ND)};
}

}  // namespace meap::reference
