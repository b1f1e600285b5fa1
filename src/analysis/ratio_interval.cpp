#include "analysis/ratio_interval.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "core/philox.h"

namespace meap {
namespace {

constexpr uint32_t kRatioStream = 0x41545431;  // away from those of training (core/philox.h)

/// What is drawn; each has its own numbers.
enum class Drawn : uint32_t { kWindows, kHeads, kOtherHeads };

/// How often each of n samples is drawn in resamples [first, first + count), over n: [count, n].
at::Tensor DrawnShares(Drawn drawn, int64_t first, int64_t count, int64_t n, uint64_t seed) {
  at::Tensor shares = at::zeros({count, n}, at::kDouble);
  double* data = shares.mutable_data_ptr<double>();
  for (int64_t r = 0; r < count; ++r) {
    PhiloxStream random(seed, kRatioStream, static_cast<uint32_t>(drawn),
                        static_cast<uint64_t>(first + r));
    for (int64_t i = 0; i < n; ++i) {
      data[r * n + random.Below(static_cast<uint32_t>(n))] += 1.0 / static_cast<double>(n);
    }
  }
  return shares;
}

/// Calls ratios(first, count) for stretches of the resamples that bound the memory of the draws;
/// returns all of them, each column sorted: [resamples, M].
template <class Ratios>
at::Tensor SortedDraws(int64_t resamples, Ratios&& ratios) {
  constexpr int64_t kChunk = 512;
  std::vector<at::Tensor> parts;
  for (int64_t first = 0; first < resamples; first += kChunk) {
    parts.push_back(ratios(first, std::min(kChunk, resamples - first)));
  }
  return std::get<0>(at::cat(parts).sort(0));
}

std::vector<Estimate> WithIntervals(const at::Tensor& value_M, const at::Tensor& sorted_rM,
                                    double confidence) {
  std::vector<Estimate> estimates;
  const auto values = value_M.accessor<double, 1>();
  for (int64_t m = 0; m < value_M.size(0); ++m) estimates.push_back({values[m]});
  if (!sorted_rM.defined()) return estimates;
  const double last = static_cast<double>(sorted_rM.size(0) - 1);
  const double tail = (1 - confidence) / 2;
  const auto draws = sorted_rM.accessor<double, 2>();
  const auto quantile = [&](double share, int64_t m) {
    const auto below = static_cast<int64_t>(std::floor(share * last));
    const int64_t above = std::min(below + 1, static_cast<int64_t>(last));
    const double part = share * last - static_cast<double>(below);
    return draws[below][m] + part * (draws[above][m] - draws[below][m]);
  };
  for (int64_t m = 0; m < value_M.size(0); ++m) {
    estimates[m].interval = Interval{quantile(tail, m), quantile(1 - tail, m)};
  }
  return estimates;
}

}  // namespace

std::vector<Estimate> RatiosOfMeans(const at::Tensor& numerator_nM,
                                    const at::Tensor& denominator_nM,
                                    const BootstrapOptions& options) {
  const int64_t n = numerator_nM.size(0);
  at::Tensor sorted_rM;
  if (n > 1) {
    sorted_rM = SortedDraws(options.resamples, [&](int64_t first, int64_t count) {
      const at::Tensor shares_rn = DrawnShares(Drawn::kWindows, first, count, n, options.seed);
      return at::mm(shares_rn, numerator_nM) / at::mm(shares_rn, denominator_nM);
    });
  }
  return WithIntervals(numerator_nM.mean(0) / denominator_nM.mean(0), sorted_rM,
                       options.confidence);
}

Estimate RatioOverHeads(const at::Tensor& numerator_nM, const at::Tensor& denominator_nK,
                        bool paired, const BootstrapOptions& options) {
  const int64_t n = numerator_nM.size(0);
  at::Tensor sorted_r1;
  if (n > 1) {
    sorted_r1 = SortedDraws(options.resamples, [&](int64_t first, int64_t count) {
      const at::Tensor windows_rn = DrawnShares(Drawn::kWindows, first, count, n, options.seed);
      const auto mean_r = [&](const at::Tensor& values_nM, Drawn drawn) {
        const at::Tensor heads_rM =
            DrawnShares(drawn, first, count, values_nM.size(1), options.seed);
        return at::mm(windows_rn, values_nM).mul_(heads_rM).sum(1, /*keepdim=*/true);
      };
      return mean_r(numerator_nM, Drawn::kHeads) /
             mean_r(denominator_nK, paired ? Drawn::kHeads : Drawn::kOtherHeads);
    });
  }
  const at::Tensor value_1 = (numerator_nM.mean() / denominator_nK.mean()).view({1});
  return WithIntervals(value_1, sorted_r1, options.confidence)[0];
}

std::vector<Estimate> Means(const at::Tensor& values_nM, const BootstrapOptions& options) {
  return RatiosOfMeans(values_nM, at::ones_like(values_nM), options);
}

}  // namespace meap
