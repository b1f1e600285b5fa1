#include "analysis/mask_effect.h"

#include <ATen/ATen.h>

#include "core/error.h"

namespace meap {

MaskEffectObserver::MaskEffectObserver(const at::Tensor& masked_RT, int64_t layers, int64_t heads)
    : masked_RT_(masked_RT.to(at::kFloat)),
      others_RT_(1 - masked_RT_),
      others_before_RT_(others_RT_.cumsum(1)),
      received_LRH_(
          at::zeros({layers, masked_RT.size(0), heads}, masked_RT.options().dtype(at::kDouble))),
      variance_LRH_(at::zeros_like(received_LRH_)) {
  MEAP_CHECK((masked_RT_.sum(1) > 0).all().item<bool>(), "a sequence without masked positions");
  MEAP_CHECK((others_RT_.sum(1) > 1).all().item<bool>(), "a sequence of masked positions only");
}

void MaskEffectObserver::Observe(const AttentionBlock& block) {
  const at::Tensor& weights_RHBS = block.weights_RHBS;
  const int64_t sequences = weights_RHBS.size(0), heads = weights_RHBS.size(1);
  const int64_t queries = block.queries(), keys = block.keys();
  // Sums over keys at which `at_RT` is 1, for every query.
  const auto sum_RHB = [&](const at::Tensor& x_RHBS, const at::Tensor& at_RT) {
    return at::bmm(x_RHBS.view({sequences, heads * queries, keys}),
                   at_RT.narrow(1, 0, keys).unsqueeze(2))
        .view({sequences, heads, queries});
  };
  const at::Tensor others_R1B =
      others_before_RT_.narrow(1, block.first_query, queries).unsqueeze(1);
  const at::Tensor masked_RHB = sum_RHB(weights_RHBS, masked_RT_);
  received_LRH_[block.layer] += masked_RHB.mul(others_R1B > 0).sum(2, false, at::kDouble);
  const at::Tensor mean_RHB = sum_RHB(weights_RHBS, others_RT_) / others_R1B.clamp_min(1);
  at::Tensor squares_RHBS = weights_RHBS.sub(mean_RHB.unsqueeze(3)).square_();
  squares_RHBS.narrow(3, block.first_query, queries).tril_();  // keys behind the query do not count
  const at::Tensor variance_RHB = sum_RHB(squares_RHBS, others_RT_) / others_R1B.clamp_min(1);
  variance_LRH_[block.layer] += variance_RHB.mul(others_R1B > 1).sum(2, false, at::kDouble);
}

MaskStatistics MaskEffectObserver::Result() const {
  // Pairs: each query in Q sees the masked positions up to itself.
  const at::Tensor counted_RT = others_before_RT_ > 0;
  const at::Tensor pairs_R = masked_RT_.cumsum(1, at::kDouble).mul(counted_RT).sum(1);
  const at::Tensor queries_R = (others_before_RT_ > 1).sum(1, false, at::kDouble);
  const auto per_unit = [](const at::Tensor& sums_LRH, const at::Tensor& units_R) {
    return sums_LRH.div(units_R.unsqueeze(1)).transpose(0, 1).to(at::kCPU).contiguous();
  };
  return {per_unit(received_LRH_, pairs_R), per_unit(variance_LRH_, queries_R)};
}

}  // namespace meap
