#include "experiment/seed_statistics.h"

#include <cmath>
#include <limits>
#include <vector>

#include "core/error.h"

namespace meap {
namespace {

constexpr double kConfidence = 0.95;

/// The continued fraction of the incomplete beta function, by Lentz's method (Abramowitz and
/// Stegun 26.5.8).
double BetaFraction(double a, double b, double x) {
  const auto nonzero = [](double value) { return std::abs(value) < 1e-300 ? 1e-300 : value; };
  double c = 1;
  double d = 1 / (1 - (a + b) * x / (a + 1));
  double fraction = d;
  for (int m = 1; m < 500; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    double change = 1;
    for (const double term : {even, odd}) {
      d = 1 / nonzero(1 + term * d);
      c = nonzero(1 + term / c);
      change = c * d;
      fraction *= change;
    }
    if (std::abs(change - 1) < 1e-15) break;
  }
  return fraction;
}

/// The regularised incomplete beta function I_x(a, b).
double IncompleteBeta(double a, double b, double x) {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const double front = std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) +
                                a * std::log(x) + b * std::log1p(-x));
  // The fraction converges fast on this side of the mean only.
  if (x < (a + 1) / (a + b + 2)) return front * BetaFraction(a, b, x) / a;
  return 1 - front * BetaFraction(b, a, 1 - x) / b;
}

}  // namespace

double StudentP(double t, double freedom) {
  return IncompleteBeta(freedom / 2, 0.5, freedom / (freedom + t * t));
}

double StudentQuantile(double confidence, double freedom) {
  double low = 0, high = 1;
  while (StudentP(high, freedom) > 1 - confidence) high *= 2;
  for (int i = 0; i < 200 && high - low > 1e-13 * high; ++i) {
    const double middle = (low + high) / 2;
    (StudentP(middle, freedom) > 1 - confidence ? low : high) = middle;
  }
  return (low + high) / 2;
}

SeedMean MeanOverSeeds(std::span<const double> values) {
  const MeanError error = MeanAndError(values);
  SeedMean mean{error.mean, {}, error.n};
  if (!error.stderr_of_mean) return mean;
  const double reach =
      StudentQuantile(kConfidence, static_cast<double>(error.n - 1)) * *error.stderr_of_mean;
  mean.interval = Interval{error.mean - reach, error.mean + reach};
  return mean;
}

SeedDifference PairedOverSeeds(std::span<const double> a, std::span<const double> b) {
  MEAP_CHECK(a.size() == b.size(), "pairs of equal number");
  std::vector<double> differences;
  for (size_t i = 0; i < a.size(); ++i) differences.push_back(b[i] - a[i]);
  SeedDifference result{MeanOverSeeds(differences), {}};
  const MeanError error = MeanAndError(differences);
  if (error.stderr_of_mean && *error.stderr_of_mean > 0) {
    result.p = StudentP(error.mean / *error.stderr_of_mean, static_cast<double>(error.n - 1));
  }
  return result;
}

}  // namespace meap
