// AdamW (Loshchilov and Hutter, 2019) on f32 master weights, and the norm of a whole gradient.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace meap {

struct AdamWOptions {
  double lr = 0;
  double beta1 = 0.9;
  double beta2 = 0.95;
  double eps = 1e-8;
  double weight_decay = 0;
};

/// One update of one parameter, all tensors of one shape:
///   m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2
///   w = w (1 - lr decay) - lr (m / (1 - beta1^step)) / (sqrt(v / (1 - beta2^step)) + eps)
/// with g = grad_scale * grad. `master`, `m`, `v` are f32 and change in place; `step` counts
/// from 1. Where the model computes in another dtype, `copy` is its weight, written in the same
/// pass; else undefined.
void AdamWUpdate(const AdamWOptions& options, int64_t step, double grad_scale,
                 const at::Tensor& grad, const at::Tensor& master, const at::Tensor& m,
                 const at::Tensor& v, const at::Tensor& copy);

/// Euclidean norm over all elements of all gradients, f64 accumulation; the same bits for any
/// number of threads.
double GradNorm(const std::vector<at::Tensor>& grads);

namespace reference {
/// The same in plain libtorch, for every device and dtype.
void AdamWUpdate(const AdamWOptions& options, int64_t step, double grad_scale,
                 const at::Tensor& grad, const at::Tensor& master, const at::Tensor& m,
                 const at::Tensor& v, const at::Tensor& copy);
double GradNorm(const std::vector<at::Tensor>& grads);
}  // namespace reference

}  // namespace meap
