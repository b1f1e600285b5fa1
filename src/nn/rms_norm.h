// RMSNorm (Zhang and Sennrich, 2019), with the residual addition that comes before it.
// Shapes: N tokens, D width, H query heads, K key/value heads, d head width.
#pragma once

#include <ATen/core/Tensor.h>

#include <utility>

namespace meap {

/// y = x / sqrt(mean(x^2) + eps) * weight, the mean over the last dimension and in f32. x_ND and
/// the result have one dtype; weight_D is cast to it. Differentiable in x and weight.
at::Tensor RmsNorm(const at::Tensor& x_ND, const at::Tensor& weight_D, double eps);

/// (residual + delta, RmsNorm of it): the step between two halves of a decoder block in one pass.
std::pair<at::Tensor, at::Tensor> AddRmsNorm(const at::Tensor& residual_ND,
                                             const at::Tensor& delta_ND, const at::Tensor& weight_D,
                                             double eps);

/// qkv [N, H + 2K, d] (queries, keys, values) with each head's query and key normed by itself, as
/// Qwen3 does before it turns them; values stay as they are.
at::Tensor NormHeads(const at::Tensor& qkv_NHd, int64_t heads, const at::Tensor& q_weight_d,
                     const at::Tensor& k_weight_d, double eps);

namespace reference {
/// The same in plain libtorch, for every device and dtype.
at::Tensor RmsNorm(const at::Tensor& x_ND, const at::Tensor& weight_D, double eps);
std::pair<at::Tensor, at::Tensor> AddRmsNorm(const at::Tensor& residual_ND,
                                             const at::Tensor& delta_ND, const at::Tensor& weight_D,
                                             double eps);
}  // namespace reference

}  // namespace meap
