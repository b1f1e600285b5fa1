// Ratios of means and how sure they are.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <vector>

#include "evaltext/statistics.h"

namespace meap {

/// A figure with its percentile interval; no interval for a single sample.
struct Estimate {
  double value = 0;
  std::optional<Interval> interval = {};
};

/// How intervals are drawn.
struct BootstrapOptions {
  int64_t resamples = 2000;
  double confidence = 0.95;
  uint64_t seed = 0;
};

/// mean(numerator) / mean(denominator) of each column, with the interval of a bootstrap over rows
/// (windows of text): all columns see the same draws. f64 [n, M] both, on the CPU.
std::vector<Estimate> RatiosOfMeans(const at::Tensor& numerator_nM,
                                    const at::Tensor& denominator_nM,
                                    const BootstrapOptions& options);

/// One ratio of means over rows and columns (heads), with the interval of a bootstrap over both: it
/// says what other windows and other heads of the kind would give. With `paired` a head is drawn
/// for both means together; else each mean has its own heads, [n, M] and [n, K].
Estimate RatioOverHeads(const at::Tensor& numerator_nM, const at::Tensor& denominator_nK,
                        bool paired, const BootstrapOptions& options);

/// The same for plain means.
std::vector<Estimate> Means(const at::Tensor& values_nM, const BootstrapOptions& options);

}  // namespace meap
