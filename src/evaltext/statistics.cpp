#include "evaltext/statistics.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/error.h"
#include "core/philox.h"

namespace meap {
namespace {

// Streams of their own, away from those of training (core/philox.h).
constexpr uint32_t kBootstrapStream = 0x45564231;
constexpr uint32_t kSignStream = 0x45565331;

struct ClusterSums {
  std::vector<double> difference;  // sum of b - a
  std::vector<uint32_t> size;
};

ClusterSums SumClusters(std::span<const double> a, std::span<const double> b,
                        std::span<const uint32_t> cluster, uint32_t clusters) {
  MEAP_CHECK(a.size() == b.size() && a.size() == cluster.size(), "pairs of equal number");
  ClusterSums sums{std::vector<double>(clusters), std::vector<uint32_t>(clusters)};
  for (size_t i = 0; i < a.size(); ++i) {
    MEAP_CHECK(cluster[i] < clusters, "cluster out of range");
    sums.difference[cluster[i]] += b[i] - a[i];
    ++sums.size[cluster[i]];
  }
  return sums;
}

/// The value at a share of a sorted sample, linear between neighbours.
double Quantile(const std::vector<double>& sorted, double share) {
  const double at = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(at);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (at - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

}  // namespace

MeanError MeanAndError(std::span<const double> values) {
  MeanError result{.n = values.size()};
  if (values.empty()) return result;
  double sum = 0;
  for (const double value : values) sum += value;
  const auto n = static_cast<double>(values.size());
  result.mean = sum / n;
  if (values.size() < 2) return result;
  double squares = 0;
  for (const double value : values) squares += (value - result.mean) * (value - result.mean);
  result.stderr_of_mean = std::sqrt(squares / (n - 1)) / std::sqrt(n);
  return result;
}

Interval Bootstrap(uint32_t clusters, int resamples, double confidence, uint64_t seed,
                   const std::function<double(std::span<const uint32_t>)>& statistic) {
  std::vector<double> values(static_cast<size_t>(resamples));
  std::vector<uint32_t> draws(clusters);
  for (size_t r = 0; r < values.size(); ++r) {
    PhiloxStream random(seed, kBootstrapStream, 0, r);
    for (uint32_t& draw : draws) draw = random.Below(clusters);
    values[r] = statistic(draws);
  }
  std::sort(values.begin(), values.end());
  const double tail = (1 - confidence) / 2;
  return {Quantile(values, tail), Quantile(values, 1 - tail)};
}

Interval PairedBootstrap(std::span<const double> a, std::span<const double> b,
                         std::span<const uint32_t> cluster, uint32_t clusters, int resamples,
                         double confidence, uint64_t seed) {
  const ClusterSums sums = SumClusters(a, b, cluster, clusters);
  if (a.empty()) return {};
  return Bootstrap(clusters, resamples, confidence, seed, [&](std::span<const uint32_t> draws) {
    double sum = 0;
    uint64_t count = 0;
    for (const uint32_t drawn : draws) {
      sum += sums.difference[drawn];
      count += sums.size[drawn];
    }
    return count == 0 ? 0 : sum / static_cast<double>(count);
  });
}

McNemar McNemarTest(std::span<const double> a, std::span<const double> b) {
  MEAP_CHECK(a.size() == b.size(), "pairs of equal number");
  McNemar test;
  for (size_t i = 0; i < a.size(); ++i) {
    test.only_a += a[i] > b[i] ? 1 : 0;
    test.only_b += b[i] > a[i] ? 1 : 0;
  }
  const uint64_t n = test.only_a + test.only_b;
  if (n == 0) return test;
  // Twice the smaller tail of Binomial(n, 1/2), summed in logarithms.
  const uint64_t fewer = std::min(test.only_a, test.only_b);
  const auto count = static_cast<double>(n);
  double tail = 0;
  for (uint64_t k = 0; k <= fewer; ++k) {
    const auto taken = static_cast<double>(k);
    tail += std::exp(std::lgamma(count + 1) - std::lgamma(taken + 1) -
                     std::lgamma(count - taken + 1) - count * std::log(2.0));
  }
  test.p = std::min(1.0, 2 * tail);
  return test;
}

double SignFlipTest(uint32_t clusters, int resamples, uint64_t seed, double rounding,
                    const std::function<double(const SignFlips&)>& statistic) {
  SignFlips flips(clusters, false);
  const double threshold = std::abs(statistic(flips)) - rounding;
  int extreme = 1;
  for (int r = 0; r < resamples; ++r) {
    PhiloxStream random(seed, kSignStream, 0, static_cast<uint64_t>(r));
    uint32_t bits = 0;
    for (uint32_t i = 0; i < clusters; ++i) {
      if (i % 32 == 0) bits = random.NextBits();
      flips[i] = (bits >> (i % 32) & 1) == 0;
    }
    extreme += std::abs(statistic(flips)) >= threshold ? 1 : 0;
  }
  return static_cast<double>(extreme) / static_cast<double>(resamples + 1);
}

double SignFlipTest(std::span<const double> a, std::span<const double> b,
                    std::span<const uint32_t> cluster, uint32_t clusters, int resamples,
                    uint64_t seed) {
  const ClusterSums sums = SumClusters(a, b, cluster, clusters);
  double scale = 0;
  for (const double difference : sums.difference) scale += std::abs(difference);
  return SignFlipTest(clusters, resamples, seed, 1e-12 * scale, [&](const SignFlips& flips) {
    double sum = 0;
    for (uint32_t i = 0; i < clusters; ++i) {
      sum += flips[i] ? -sums.difference[i] : sums.difference[i];
    }
    return sum;
  });
}

Agreement RaterAgreement(size_t both_yes, size_t only_first, size_t only_second, size_t both_no) {
  Agreement result{.n = both_yes + only_first + only_second + both_no};
  if (result.n == 0) return result;
  const auto n = static_cast<double>(result.n);
  result.share = static_cast<double>(both_yes + both_no) / n;
  const double first_yes = static_cast<double>(both_yes + only_first) / n;
  const double second_yes = static_cast<double>(both_yes + only_second) / n;
  const double chance = first_yes * second_yes + (1 - first_yes) * (1 - second_yes);
  if (chance < 1) result.kappa = (result.share - chance) / (1 - chance);
  return result;
}

}  // namespace meap
