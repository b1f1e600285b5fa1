#include "objective/mask.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
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

TEST(DrawMaskPositions, IndependentAcrossRows) {
  // Two rows share 9 of 64 positions by chance 9 * 9 / 64 = 1.27 at a time.
  double shared = 0;
  constexpr int kPairs = 5000;
  for (uint64_t i = 0; i < kPairs; ++i) {
    const auto a = DrawMaskPositions(0.15, 64, {7, 0, 2 * i});
    const auto b = DrawMaskPositions(0.15, 64, {7, 0, 2 * i + 1});
    const std::set<int32_t> set(a.begin(), a.end());
    for (const int32_t position : b) shared += set.contains(position) ? 1 : 0;
  }
  EXPECT_NEAR(shared / kPairs, 81.0 / 64, 0.06);
}

TEST(MaskInputs, RatioZeroChangesNothing) {
  std::vector<int32_t> inputs = {5, 6, 7};
  EXPECT_TRUE(MaskInputs(0, 3, {1, 0, 0}, inputs).empty());
  EXPECT_EQ(inputs, (std::vector<int32_t>{5, 6, 7}));
}

}  // namespace
}  // namespace meap
