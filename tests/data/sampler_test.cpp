#include "data/sampler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <set>

#include "data/permutation.h"
#include "tests/support.h"

namespace meap {
namespace {

using testing::ErrorOf;
using ::testing::HasSubstr;

SamplerOptions Windows(uint64_t length, uint64_t seed = 1) {
  return {.sequence_length = length, .seed = seed};
}

TEST(Permutation, IsABijectionForAnySize) {
  EXPECT_TRUE(rc::check([] {
    const auto size = *rc::gen::inRange<uint64_t>(1, 3000);
    const auto seed = *rc::gen::arbitrary<uint64_t>();
    const auto epoch = *rc::gen::inRange<uint64_t>(0, 5);
    const Permutation order(seed, epoch, 0, size);
    std::vector<bool> seen(size);
    for (uint64_t i = 0; i < size; ++i) {
      const uint64_t at = order(i);
      RC_ASSERT(at < size);
      RC_ASSERT(!seen[at]);
      seen[at] = true;
    }
  }));
}

TEST(Permutation, SpreadsEveryPositionEvenly) {
  // Where position 3 of 10 lands over many epochs, and which item follows which.
  constexpr int kEpochs = 20000;
  std::vector<int> counts(10);
  std::vector<int> gaps(10);
  for (int epoch = 0; epoch < kEpochs; ++epoch) {
    const Permutation order(7, static_cast<uint64_t>(epoch), 0, 10);
    ++counts[order(3)];
    ++gaps[(order(4) + 10 - order(3)) % 10];
  }
  double positions = 0;
  double differences = 0;
  for (int i = 0; i < 10; ++i) positions += std::pow(counts[i] - 2000.0, 2) / 2000.0;
  for (int i = 1; i < 10; ++i) differences += std::pow(gaps[i] - 20000.0 / 9, 2) / (20000.0 / 9);
  EXPECT_LT(positions, 27.9);    // 99.9 % point, 9 degrees of freedom
  EXPECT_LT(differences, 26.1);  // 8 degrees
}

TEST(Sampler, EveryEpochHoldsEveryWindowOnceInANewOrder) {
  const Sampler sampler(64 * 1000 + 1, Windows(64));
  ASSERT_EQ(sampler.windows(), 1000u);
  std::vector<std::vector<uint64_t>> epochs;
  for (uint64_t epoch = 0; epoch < 3; ++epoch) {
    std::vector<uint64_t> order;
    for (uint64_t i = 0; i < 1000; ++i) {
      const SampleRef sample = sampler.At(epoch * 1000 + i);
      EXPECT_EQ(sample.epoch, epoch);
      EXPECT_EQ(sample.window, sample.sample_id);
      order.push_back(sample.window);
    }
    EXPECT_EQ(std::set<uint64_t>(order.begin(), order.end()).size(), 1000u);
    epochs.push_back(order);
  }
  EXPECT_NE(epochs[0], epochs[1]);
  EXPECT_NE(epochs[1], epochs[2]);
  EXPECT_NE(Sampler(64001, Windows(64, 2)).At(0).window * 1000 +
                Sampler(64001, Windows(64, 2)).At(1).window,
            epochs[0][0] * 1000 + epochs[0][1]);
}

TEST(Sampler, WindowsCountTheTokenAfterTheLastInput) {
  EXPECT_EQ(Sampler(65, Windows(64)).windows(), 1u);
  EXPECT_EQ(Sampler(128, Windows(64)).windows(), 1u);
  EXPECT_EQ(Sampler(129, Windows(64)).windows(), 2u);
  EXPECT_THAT(ErrorOf([] { Sampler(64, Windows(64)); }).expected, HasSubstr("65"));
}

TEST(Sampler, UnshuffledWindowsStandInOrder) {
  SamplerOptions options = Windows(10);
  options.shuffle = false;
  const Sampler sampler(101, options);
  for (uint64_t i = 0; i < 25; ++i) EXPECT_EQ(sampler.At(i).window, i % 10);
}

TEST(Sampler, AFarStepCostsWhatTheFirstDoes) {
  const Sampler sampler({{1ULL << 40, 1}, {1ULL << 38, 2}}, Windows(1024));
  const auto time = [&](uint64_t first) {
    const auto begin = std::chrono::steady_clock::now();
    uint64_t sum = 0;
    for (uint64_t i = 0; i < 20000; ++i) sum += sampler.At(first + i).window;
    EXPECT_GT(sum, 0u);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };
  time(0);
  const double near = std::min(time(0), time(0));
  const double far = std::min(time(1000000ULL * 256), time(1000000ULL * 256));
  EXPECT_LT(far, 5 * near + 0.01);
  EXPECT_LT(far / 20000, 20e-6);
}

TEST(Sampler, MixtureKeepsSharesInEveryPrefix) {
  EXPECT_TRUE(rc::check([] {
    const auto weights = *rc::gen::resize(
        6, rc::gen::nonEmpty(rc::gen::container<std::vector<int>>(rc::gen::inRange(1, 50))));
    std::vector<SourceSize> sources;
    double total = 0;
    for (const int weight : weights) {
      sources.push_back({1001, static_cast<double>(weight)});
      total += weight;
    }
    const Sampler sampler(sources, Windows(10));
    std::vector<uint64_t> counts(weights.size());
    for (uint64_t i = 0; i < 70000; ++i) {
      const SampleRef sample = sampler.At(i);
      // The source's own stream goes on without gaps: epoch and place follow from its count.
      RC_ASSERT(sample.epoch == counts[sample.source] / 100);
      ++counts[sample.source];
      if (i % 997 != 0) continue;
      for (size_t s = 0; s < counts.size(); ++s) {
        const double ideal = weights[s] / total * static_cast<double>(i + 1);
        RC_ASSERT(std::abs(static_cast<double>(counts[s]) - ideal) < 3.0);
      }
    }
    for (size_t s = 0; s < counts.size(); ++s) RC_ASSERT(sampler.RowsOf(s, 70000) == counts[s]);
  }));
}

TEST(Sampler, MixtureSampleIdsNameSourceAndWindow) {
  const Sampler sampler({{101, 1}, {201, 3}}, Windows(10));
  std::set<uint64_t> ids;
  for (uint64_t i = 0; i < 40; ++i) {
    const SampleRef sample = sampler.At(i);
    EXPECT_EQ(sample.sample_id, sample.window + (sample.source == 0 ? 0 : 10));
    if (sample.epoch == 0) ids.insert(sample.sample_id);
  }
  EXPECT_EQ(ids.size(), 30u);
}

TEST(Sampler, TinyWeightsStillOccurAndWrongOnesAreErrors) {
  const Sampler sampler({{101, 1e-12}, {101, 1}, {101, 1e-12}}, Windows(10));
  EXPECT_EQ(sampler.RowsOf(0, 65536), 1u);
  EXPECT_EQ(sampler.RowsOf(1, 65536), 65534u);
  EXPECT_EQ(sampler.RowsOf(2, 65536), 1u);
  EXPECT_THAT(ErrorOf([] {
                Sampler({{101, 1}, {101, 0}}, Windows(10));
              }).where,
              HasSubstr("source 2 of 2"));
}

}  // namespace
}  // namespace meap
