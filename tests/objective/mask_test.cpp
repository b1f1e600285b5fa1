#include "objective/mask.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <functional>
#include <set>

namespace meap {
namespace {

TEST(MaskCount, IsFloorOfRatioTimesLength) {
  EXPECT_EQ(MaskCount(0.15, 20), 3);
  EXPECT_EQ(MaskCount(0.15, 4096), 614);
  EXPECT_EQ(MaskCount(0.15, 6), 0);
  EXPECT_EQ(MaskCount(0.0, 4096), 0);
}

RC_GTEST_PROP(DrawMaskPositions, ExactCountDistinctAscendingInRange, ()) {
  const auto length = *rc::gen::inRange<int64_t>(1, 600);
  const double ratio = *rc::gen::inRange(0, 100) / 100.0;
  const SampleKey key{*rc::gen::arbitrary<uint64_t>(), *rc::gen::arbitrary<uint32_t>(),
                      *rc::gen::arbitrary<uint64_t>()};
  const auto positions = DrawMaskPositions(ratio, length, key);
  RC_ASSERT(static_cast<int64_t>(positions.size()) ==
            static_cast<int64_t>(std::floor(ratio * static_cast<double>(length))));
  for (size_t i = 0; i < positions.size(); ++i) {
    RC_ASSERT(positions[i] >= 0 && positions[i] < length);
    if (i > 0) RC_ASSERT(positions[i] > positions[i - 1]);
  }
  RC_ASSERT(positions == DrawMaskPositions(ratio, length, key));
}

TEST(DrawMaskPositions, DifferByRowEpochAndSeed) {
  std::set<std::vector<int32_t>> draws;
  for (uint64_t seed : {1, 2}) {
    for (uint32_t epoch : {0, 1}) {
      for (uint64_t sample : {0, 1, 2})
        draws.insert(DrawMaskPositions(0.15, 256, {seed, epoch, sample}));
    }
  }
  EXPECT_EQ(draws.size(), 12u);
}

TEST(DrawMaskPositions, EveryPositionEquallyOften) {
  constexpr int kLength = 64;
  constexpr int kDraws = 20000;
  std::array<int, kLength> counts{};
  for (uint64_t sample = 0; sample < kDraws; ++sample) {
    for (const int32_t position : DrawMaskPositions(0.15, kLength, {7, 0, sample}))
      ++counts[position];
  }
  const double expected = 9.0 * kDraws / kLength;
  double chi_square = 0;
  for (const int count : counts) chi_square += (count - expected) * (count - expected) / expected;
  EXPECT_LT(chi_square, 103.4);  // 99.9 % point with 63 degrees of freedom
}

TEST(DrawMaskPositions, EveryPositionOfALongRowEquallyOften) {
  constexpr int kLength = 4096;
  constexpr int kDraws = 500;
  std::vector<int> counts(kLength);
  for (uint64_t sample = 0; sample < kDraws; ++sample) {
    for (const int32_t position : DrawMaskPositions(0.15, kLength, {9, 1, sample}))
      ++counts[position];
  }
  const double share = 614.0 / kLength;
  // Variance of a count when each draw takes exactly 614: the statistic is chi-square with 4095
  // degrees of freedom once divided by 1 - share.
  double chi_square = 0;
  for (const int count : counts) {
    const double off = count - share * kDraws;
    chi_square += off * off / (share * kDraws * (1 - share));
  }
  EXPECT_NEAR(chi_square, 4095, 3.3 * std::sqrt(2 * 4095.0));
}

/// What two draws share, in the mean over many pairs: by chance 9 * 9 / 64 = 1.27 of 64 positions.
double MeanShared(const std::function<SampleKey(uint64_t)>& first,
                  const std::function<SampleKey(uint64_t)>& second) {
  constexpr int kPairs = 5000;
  double shared = 0;
  for (uint64_t i = 0; i < kPairs; ++i) {
    const auto a = DrawMaskPositions(0.15, 64, first(i));
    const auto b = DrawMaskPositions(0.15, 64, second(i));
    const std::set<int32_t> set(a.begin(), a.end());
    for (const int32_t position : b) shared += set.contains(position) ? 1 : 0;
  }
  return shared / kPairs;
}

TEST(DrawMaskPositions, IndependentAcrossRowsEpochsAndSeeds) {
  const auto key = [](uint64_t seed, uint32_t epoch, uint64_t step) {
    return [=](uint64_t i) { return SampleKey{seed, epoch, 2 * i + step}; };
  };
  const auto base = key(7, 0, 0);
  EXPECT_NEAR(MeanShared(base, key(7, 0, 1)), 81.0 / 64, 0.06);
  EXPECT_NEAR(MeanShared(base, key(7, 1, 0)), 81.0 / 64, 0.06);
  EXPECT_NEAR(MeanShared(base, key(8, 0, 0)), 81.0 / 64, 0.06);
  EXPECT_NEAR(MeanShared(base, base), 9, 1e-12);
}

TEST(MaskInputs, RatioZeroChangesNothing) {
  std::vector<int32_t> inputs = {5, 6, 7};
  EXPECT_TRUE(MaskInputs(0, 3, {1, 0, 0}, inputs).empty());
  EXPECT_EQ(inputs, (std::vector<int32_t>{5, 6, 7}));
}

}  // namespace
}  // namespace meap
