#include "nn/rms_norm.h"

#include <ATen/ATen.h>

namespace meap {

at::Tensor RmsNorm(const at::Tensor& x_ND, const at::Tensor& weight_D, double eps) {
  const at::Tensor wide = x_ND.to(at::kFloat);
  const at::Tensor scale = at::rsqrt(wide.pow(2).mean(-1, /*keepdim=*/true) + eps);
  return (wide * scale).to(x_ND.scalar_type()) * weight_D;
}

std::pair<at::Tensor, at::Tensor> AddRmsNorm(const at::Tensor& residual_ND,
                                             const at::Tensor& delta_ND, const at::Tensor& weight_D,
                                             double eps) {
  at::Tensor sum_ND = residual_ND + delta_ND;
  at::Tensor normed_ND = RmsNorm(sum_ND, weight_D, eps);
  return {std::move(sum_ND), std::move(normed_ND)};
}

}  // namespace meap
