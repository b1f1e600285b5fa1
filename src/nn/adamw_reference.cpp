// The plain libtorch form of adamw.h: any device and dtype, and the tests' oracle.
#include <ATen/ATen.h>

#include <cmath>

#include "nn/adamw.h"

namespace meap::reference {

void AdamWUpdate(const AdamWOptions& options, int64_t step, double grad_scale,
                 const at::Tensor& grad, const at::Tensor& master, const at::Tensor& m,
                 const at::Tensor& v, const at::Tensor& copy) {
  const at::Tensor g = grad.to(at::kFloat) * grad_scale;
  m.lerp_(g, 1 - options.beta1);
  v.mul_(options.beta2).addcmul_(g, g, 1 - options.beta2);
  const double correction1 = 1 - std::pow(options.beta1, static_cast<double>(step));
  const double correction2 = 1 - std::pow(options.beta2, static_cast<double>(step));
  master.mul_(1 - options.lr * options.weight_decay);
  const at::Tensor denominator = (v.sqrt() / std::sqrt(correction2)).add_(options.eps);
  master.addcdiv_(m, denominator, -options.lr / correction1);
  if (copy.defined()) copy.copy_(master);
}

double GradNorm(const std::vector<at::Tensor>& grads) {
  double sum = 0;
  for (const at::Tensor& grad : grads) {
    sum += std::pow(grad.norm(2, at::kFloat).item<double>(), 2);
  }
  return std::sqrt(sum);
}

}  // namespace meap::reference
