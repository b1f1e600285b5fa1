// The plain libtorch form of LinearCrossEntropy, with all logits at once: the tests' oracle.
#include <ATen/ATen.h>

#include "nn/linear_cross_entropy.h"

namespace meap::reference {

CrossEntropy LinearCrossEntropy(const at::Tensor& hidden_ND, const at::Tensor& weight_VD,
                                const at::Tensor& targets_N, double scale) {
  const at::Tensor logits_NV = at::linear(hidden_ND, weight_VD);
  const at::Tensor wide_NV =
      logits_NV.scalar_type() == at::kDouble ? logits_NV : logits_NV.to(at::kFloat);
  const at::Tensor nll_N =
      at::cross_entropy_loss(wide_NV, targets_N, /*weight=*/{}, at::Reduction::None, kIgnoreLabel);
  return {nll_N.sum() * scale, nll_N.detach()};
}

}  // namespace meap::reference
