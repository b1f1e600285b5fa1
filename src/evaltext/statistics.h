// Means, their errors, and the tests that compare two models.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

namespace meap {

/// A mean with its standard error: sample standard deviation (divisor n - 1) / sqrt(n); nothing for
/// fewer than two values.
struct MeanError {
  double mean = 0;
  std::optional<double> stderr_of_mean = {};
  size_t n = 0;
};

/// An empty span has mean 0 and n 0.
MeanError MeanAndError(std::span<const double> values);

/// An interval that holds the true value with the given confidence.
struct Interval {
  double low = 0;
  double high = 0;
};

/// Percentile interval of a statistic over `resamples` draws with replacement of `clusters` numbers
/// from [0, clusters). A pure function of its arguments.
Interval Bootstrap(uint32_t clusters, int resamples, double confidence, uint64_t seed,
                   const std::function<double(std::span<const uint32_t>)>& statistic);

/// Percentile interval of the mean difference b - a over `resamples` draws with replacement of
/// clusters (questions): `cluster[i]` in [0, clusters) says which pair i belongs to, so that the
/// samples of one question are drawn together. A pure function of its arguments.
Interval PairedBootstrap(std::span<const double> a, std::span<const double> b,
                         std::span<const uint32_t> cluster, uint32_t clusters, int resamples,
                         double confidence, uint64_t seed);

/// McNemar's test on pairs of 0/1 outcomes: `only_a` and `only_b` count the pairs that just one of
/// the two has right.
struct McNemar {
  uint64_t only_a = 0;
  uint64_t only_b = 0;
  /// Exact two-sided binomial p-value; 1 when the two never differ.
  double p = 1;
};
McNemar McNemarTest(std::span<const double> a, std::span<const double> b);

/// For each cluster, whether what belongs to the two sides changes places.
using SignFlips = std::vector<bool>;

/// Two-sided p-value of a statistic that changes its sign when all clusters are flipped: by
/// flipping them at random (`resamples` draws and the data itself, which flips none). Sums in
/// another order differ in the last bits: values that differ by no more than `rounding` count as
/// equal.
double SignFlipTest(uint32_t clusters, int resamples, uint64_t seed, double rounding,
                    const std::function<double(const SignFlips&)>& statistic);

/// Two-sided p-value of the sign of b - a by flipping the signs of clusters' sums at random
/// (`resamples` draws and the data itself): for scores that are not 0 or 1.
double SignFlipTest(std::span<const double> a, std::span<const double> b,
                    std::span<const uint32_t> cluster, uint32_t clusters, int resamples,
                    uint64_t seed);

/// Cohen's kappa of two raters' yes/no verdicts and the share on which they agree; kappa is nothing
/// when chance alone would make them agree always.
struct Agreement {
  size_t n = 0;
  double share = 0;
  std::optional<double> kappa = {};
};
/// `both_yes`, `only_first`, `only_second`, `both_no`: the table of counts.
Agreement RaterAgreement(size_t both_yes, size_t only_first, size_t only_second, size_t both_no);

}  // namespace meap
