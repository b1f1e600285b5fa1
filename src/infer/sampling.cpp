#include "infer/sampling.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace meap {

int32_t SampleToken(const at::Tensor& logits_V, const SamplingOptions& options, double uniform) {
  if (options.temperature == 0) return static_cast<int32_t>(logits_V.argmax().item<int64_t>());
  auto [sorted, ids] = (logits_V.to(at::kCPU, at::kDouble) / options.temperature)
                           .sort(/*stable=*/true, /*dim=*/-1, /*descending=*/true);
  int64_t kept = sorted.size(0);
  if (options.top_k > 0) kept = std::min(kept, options.top_k);
  const at::Tensor cumulative = sorted.narrow(0, 0, kept).softmax(-1).cumsum(-1).contiguous();
  const double* share = cumulative.const_data_ptr<double>();
  if (options.top_p < 1) {  // the first tokens whose sum reaches top_p, at least one
    kept =
        std::min<int64_t>(kept, std::lower_bound(share, share + kept, options.top_p) - share + 1);
  }
  const double target = uniform * share[kept - 1];
  const int64_t pick =
      std::min<int64_t>(std::upper_bound(share, share + kept, target) - share, kept - 1);
  return static_cast<int32_t>(ids.index({pick}).item<int64_t>());
}

}  // namespace meap
