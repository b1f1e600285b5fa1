#include "infer/sampling.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <vector>

#include "core/philox.h"

namespace meap {
namespace {

SamplingOptions Options(double temperature, int64_t top_k = 0, double top_p = 1) {
  SamplingOptions options;
  options.temperature = temperature;
  options.top_k = top_k;
  options.top_p = top_p;
  return options;
}

TEST(SampleToken, FollowsTemperatureTopKAndTopP) {
  std::vector<float> logits;
  for (const double share : {0.5, 0.3, 0.15, 0.05}) {
    logits.push_back(static_cast<float>(std::log(share)));
  }
  EXPECT_EQ(SampleToken(logits, Options(0), 0.99), 0);
  EXPECT_EQ(SampleToken(logits, Options(1), 0.49), 0);
  EXPECT_EQ(SampleToken(logits, Options(1), 0.51), 1);
  EXPECT_EQ(SampleToken(logits, Options(1), 0.97), 3);
  EXPECT_EQ(SampleToken(logits, Options(1, 2), 0.99), 1);
  EXPECT_EQ(SampleToken(logits, Options(1, 0, 0.79), 0.99), 1);
  EXPECT_EQ(SampleToken(logits, Options(1, 0, 0.81), 0.99), 2);
  EXPECT_EQ(SampleToken(logits, Options(100), 0.26), 1);
  // top-p is a share of what top-k leaves: 0.5 of 0.8 is 0.625.
  EXPECT_EQ(SampleToken(logits, Options(1, 2, 0.62), 0.99), 0);
  EXPECT_EQ(SampleToken(logits, Options(1, 2, 0.63), 0.99), 1);
}

TEST(SampleToken, GreedyTakesTheFirstOfTheHighest) {
  PhiloxStream random(1, 0, 0, 0);
  for (size_t size = 1; size < 100; ++size) {
    std::vector<float> logits(size);
    for (float& logit : logits) logit = static_cast<float>(std::floor(random.Uniform() * 9) - 20);
    const auto highest = std::max_element(logits.begin(), logits.end());
    EXPECT_EQ(SampleToken(logits, Options(0), 0), highest - logits.begin());
  }
}

TEST(SampleToken, KeepsAtLeastOneToken) {
  EXPECT_EQ(SampleToken(std::vector<float>{1, 3, 2}, Options(1, 0, 0), 0.99), 1);
}

TEST(AreFinite, SeesEveryNumber) {
  for (size_t size = 0; size < 40; ++size) {
    std::vector<float> logits(size, -3e38f);
    EXPECT_TRUE(AreFinite(logits));
    for (size_t i = 0; i < size; ++i) {
      for (const float broken : {NAN, INFINITY, -INFINITY}) {
        std::vector<float> one = logits;
        one[i] = broken;
        EXPECT_FALSE(AreFinite(one)) << size << " " << i;
      }
    }
  }
}

TEST(SampleToken, TiesGoToTheLowestId) {
  EXPECT_EQ(SampleToken(std::vector<float>{1, 3, 3}, Options(0), 0), 1);
  EXPECT_EQ(SampleToken(std::vector<float>{1, 3, 3}, Options(1, 1), 0.9), 1);
}

/// transformers' warpers, written plainly: the share of each token, in the order of its rank.
std::vector<std::pair<double, int32_t>> Shares(const std::vector<float>& logits,
                                               const SamplingOptions& options) {
  std::vector<std::pair<double, int32_t>> ranked;
  for (size_t i = 0; i < logits.size(); ++i) {
    ranked.push_back({-logits[i] / options.temperature, static_cast<int32_t>(i)});
  }
  std::sort(ranked.begin(), ranked.end());
  const auto normalise = [&] {
    double sum = 0;
    for (const auto& entry : ranked) sum += entry.first;
    for (auto& entry : ranked) entry.first /= sum;
  };
  const double top = ranked.front().first;
  for (auto& entry : ranked) entry.first = std::exp(top - entry.first);
  if (options.top_k > 0) {
    ranked.resize(std::min(ranked.size(), static_cast<size_t>(options.top_k)));
  }
  normalise();
  double before = 0;
  size_t kept = 0;
  while (kept < ranked.size() && (kept == 0 || before < options.top_p)) {
    before += ranked[kept++].first;
  }
  ranked.resize(kept);
  normalise();
  return ranked;
}

RC_GTEST_PROP(SampleToken, DrawsFromTheWarpedDistribution, ()) {
  const auto count = *rc::gen::inRange<size_t>(1, 3000);
  PhiloxStream random(*rc::gen::arbitrary<uint64_t>(), 0, 0, 0);
  std::vector<float> logits(count);
  for (float& logit : logits) logit = 12 * random.Uniform();
  const SamplingOptions options =
      Options(0.3 + random.Uniform(), *rc::gen::element<int64_t>(0, 1, 7, 300, 5000),
              *rc::gen::element(1.0, 0.99, 0.9, 0.5));
  const auto shares = Shares(logits, options);
  for (int i = 0; i < 20; ++i) {
    const double uniform = random.Uniform();
    double passed = 0;
    int32_t expected = shares.back().second;
    double margin = 1;
    for (const auto& [share, id] : shares) {
      passed += share;
      margin = std::min(margin, std::abs(passed - uniform));
      if (passed > uniform) {
        expected = id;
        break;
      }
    }
    if (margin > 1e-6) RC_ASSERT(SampleToken(logits, options, uniform) == expected);
  }
}

TEST(PenaliseRepetition, CountsATokenOnceAndKeepsTheOthers) {
  std::vector<float> logits = {2, -2, 1, -1};
  PenaliseRepetition(logits, std::vector<int32_t>{0, 0, 1}, 2.0);
  EXPECT_EQ(logits, (std::vector<float>{1, -4, 1, -1}));
}

}  // namespace
}  // namespace meap
