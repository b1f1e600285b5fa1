// What repetitions with other seeds say: a mean, and a difference from the baseline, with Student's
// t for few seeds.
#pragma once

#include <optional>
#include <span>

#include "evaltext/statistics.h"

namespace meap {

/// Two-sided probability of |t| or more under Student's t with `freedom` degrees of freedom.
double StudentP(double t, double freedom);
/// The t that |t| exceeds with probability 1 - confidence.
double StudentQuantile(double confidence, double freedom);

/// A mean over seeds with its 95 % interval (none for one seed).
struct SeedMean {
  double mean = 0;
  std::optional<Interval> interval = {};
  size_t seeds = 0;
};
SeedMean MeanOverSeeds(std::span<const double> values);

/// Pairs of one seed each: the mean of b - a, its 95 % interval and the p-value of the paired
/// t-test (none for one seed, and no p when all differences are the same).
struct SeedDifference {
  SeedMean difference;
  std::optional<double> p = {};
};
SeedDifference PairedOverSeeds(std::span<const double> a, std::span<const double> b);

}  // namespace meap
