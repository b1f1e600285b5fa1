#include "objective/mask_policy.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include "objective/mask_units.h"
#include "objective/rows.h"

namespace meap {
namespace {

using Unit = MaskPolicy::Unit;
constexpr int32_t kMaskId = 4;  // 0 .. 4 are special, even ids from 6 on start a word

TokenTraits Traits() {
  TokenTraits traits{.starts_word = std::vector<bool>(100), .special = std::vector<bool>(100)};
  for (int32_t id = 0; id < 100; ++id) {
    traits.special[id] = id < 5;
    traits.starts_word[id] = id >= 6 && id % 2 == 0;
    if (id >= 5) traits.ordinary.push_back(id);
  }
  return traits;
}

std::vector<int32_t> Inputs(int64_t length, uint64_t seed) {
  PhiloxStream random(seed, 99, 0, 0);
  std::vector<int32_t> inputs;
  for (int64_t t = 0; t < length; ++t) {
    auto id = static_cast<int32_t>(random.Below(100));
    inputs.push_back(id == kMaskId ? 0 : id);
  }
  return inputs;
}

MaskPolicy AnyPolicy() {
  MaskPolicy policy;
  policy.unit = *rc::gen::element(Unit::kToken, Unit::kWord, Unit::kSpan);
  policy.count = *rc::gen::element(MaskPolicy::Count::kFixed, MaskPolicy::Count::kBernoulli);
  policy.span_mean = *rc::gen::inRange(10, 200) / 10.0;
  policy.protect_special = *rc::gen::arbitrary<bool>();
  return policy;
}

SampleKey AnyKey() {
  return {*rc::gen::arbitrary<uint64_t>(), *rc::gen::arbitrary<uint32_t>(),
          *rc::gen::arbitrary<uint64_t>()};
}

RC_GTEST_PROP(MaskPolicy, CountDistinctRangeProtectionAndPurity, ()) {
  const TokenTraits traits = Traits();
  const MaskPolicy policy = AnyPolicy();
  const SampleKey key = AnyKey();
  const double ratio = *rc::gen::inRange(0, 100) / 100.0;
  const auto inputs = Inputs(*rc::gen::inRange<int64_t>(1, 400), key.seed);
  const auto positions = ChooseMaskPositions(policy, traits, ratio, key, 1, inputs);
  int64_t eligible = 0;
  for (const int32_t id : inputs) eligible += policy.protect_special && id < 5 ? 0 : 1;
  if (policy.count == MaskPolicy::Count::kFixed) {
    const int64_t wanted = MaskCount(ratio, static_cast<int64_t>(inputs.size()));
    RC_ASSERT(static_cast<int64_t>(positions.size()) == std::min(wanted, eligible));
  }
  for (size_t i = 0; i < positions.size(); ++i) {
    RC_ASSERT(positions[i] >= 0 && positions[i] < static_cast<int32_t>(inputs.size()));
    if (i > 0) RC_ASSERT(positions[i] > positions[i - 1]);
    if (policy.protect_special) RC_ASSERT(inputs[positions[i]] >= 5);
  }
  RC_ASSERT(positions == ChooseMaskPositions(policy, traits, ratio, key, 77, inputs));
}

RC_GTEST_PROP(MaskPolicy, DefaultIsMaskInputs, ()) {
  const SampleKey key = AnyKey();
  const double ratio = *rc::gen::inRange(0, 100) / 100.0;
  auto paper = Inputs(*rc::gen::inRange<int64_t>(1, 400), key.seed);
  auto policy = paper;
  RC_ASSERT(ChooseMaskPositions({}, {}, ratio, key, 3, policy) ==
            DrawMaskPositions(ratio, static_cast<int64_t>(policy.size()), key));
  RC_ASSERT(MaskInputs(ratio, kMaskId, key, paper) ==
            ApplyMaskPolicy({}, {}, ratio, kMaskId, key, 3, policy));
  RC_ASSERT(paper == policy);
}

RC_GTEST_PROP(MaskPolicy, WordsAreWholeButOne, ()) {
  const TokenTraits traits = Traits();
  const MaskPolicy policy{.unit = Unit::kWord};
  const SampleKey key = AnyKey();
  const auto inputs = Inputs(300, key.seed);
  const auto positions = ChooseMaskPositions(policy, traits, 0.3, key, 1, inputs);
  const std::set<int32_t> chosen(positions.begin(), positions.end());
  int cut = 0;
  size_t begin = 0;
  for (size_t t = 1; t <= inputs.size(); ++t) {
    const bool border = t == inputs.size() || inputs[t] < 5 || inputs[t - 1] < 5 ||
                        (inputs[t] >= 6 && inputs[t] % 2 == 0);
    if (!border) continue;
    size_t hit = 0;
    for (size_t i = begin; i < t; ++i) hit += chosen.contains(static_cast<int32_t>(i)) ? 1 : 0;
    cut += hit > 0 && hit < t - begin ? 1 : 0;
    begin = t;
  }
  RC_ASSERT(cut <= 1);
}

RC_GTEST_PROP(PlaceSpans, DisjointAscendingInRangeAndExact, ()) {
  const auto size = *rc::gen::inRange<int64_t>(1, 500);
  const auto count = *rc::gen::inRange<int64_t>(0, size + 1);
  PhiloxStream random(*rc::gen::arbitrary<uint64_t>(), 0, 0, 0);
  int64_t total = 0, end = 0;
  for (const TokenSpan& span : PlaceSpans(count, size, 3, random)) {
    RC_ASSERT(span.begin >= end && span.length >= 1);
    end = span.begin + span.length;
    total += span.length;
  }
  RC_ASSERT(end <= size && total == count);
}

TEST(PlaceSpans, LengthsAreGeometricAndPlacesUniform) {
  std::map<int64_t, int> lengths;
  std::vector<int> hits(50);
  double spans = 0;
  constexpr int kDraws = 4000;
  for (uint64_t i = 0; i < kDraws; ++i) {
    PhiloxStream random(1, 0, 0, i);
    // A tail of 2000 makes the cut span negligible; the places are looked at in a short row.
    for (const TokenSpan& span : PlaceSpans(i < 200 ? 2000 : 0, 8000, 3, random)) {
      ++lengths[span.length];
      ++spans;
    }
    for (const TokenSpan& span : PlaceSpans(10, 50, 3, random)) {
      for (int64_t t = 0; t < span.length; ++t) ++hits[span.begin + t];
    }
  }
  EXPECT_NEAR(200 * 2000 / spans, 3, 0.05);
  EXPECT_NEAR(lengths[1] / spans, 1.0 / 3, 0.01);
  EXPECT_NEAR(lengths[2] / spans, 2.0 / 9, 0.01);
  for (const int hit : hits) EXPECT_NEAR(hit, kDraws * 10.0 / 50, 150);
}

TEST(MaskPolicy, SpansComeInRuns) {
  const MaskPolicy policy{.unit = Unit::kSpan, .span_mean = 5};
  const std::vector<int32_t> inputs(4096, 50);
  const auto positions = ChooseMaskPositions(policy, {}, 0.15, {1, 0, 0}, 1, inputs);
  int runs = 0;
  for (size_t i = 0; i < positions.size(); ++i) {
    runs += i == 0 || positions[i] != positions[i - 1] + 1 ? 1 : 0;
  }
  EXPECT_EQ(positions.size(), 614u);
  EXPECT_LT(runs, 614 / 4);  // about 614 / 5, fewer where spans touch; single tokens: about 520
}

TEST(MaskPolicy, BernoulliCountsHaveTheBinomialsMeanAndVariance) {
  const MaskPolicy policy{.count = MaskPolicy::Count::kBernoulli};
  const std::vector<int32_t> inputs(200, 50);
  constexpr int kDraws = 5000;
  double sum = 0, squares = 0;
  for (uint64_t sample = 0; sample < kDraws; ++sample) {
    const auto count = static_cast<double>(
        ChooseMaskPositions(policy, {}, 0.15, {7, 0, sample}, 1, inputs).size());
    sum += count;
    squares += count * count;
  }
  const double mean = sum / kDraws;
  EXPECT_NEAR(mean, 30, 0.3);
  EXPECT_NEAR(squares / kDraws - mean * mean, 25.5, 2.5);
}

TEST(MaskPolicy, StepScopeIsSharedByRowsAndFreshEachStep) {
  const std::vector<int32_t> inputs(256, 50);
  for (const Unit unit : {Unit::kToken, Unit::kSpan}) {
    const MaskPolicy policy{.scope = MaskPolicy::Scope::kStep, .unit = unit};
    std::set<std::vector<int32_t>> lists;
    for (int64_t step = 1; step <= 20; ++step) {
      const auto first = ChooseMaskPositions(policy, {}, 0.15, {7, 0, 0}, step, inputs);
      EXPECT_EQ(first, ChooseMaskPositions(policy, {}, 0.15, {7, 1, 123}, step, inputs));
      EXPECT_NE(first, ChooseMaskPositions(policy, {}, 0.15, {8, 0, 0}, step, inputs));
      lists.insert(first);
    }
    EXPECT_EQ(lists.size(), 20u);
  }
}

TEST(MaskPolicy, EveryUnitDiffersByRowEpochAndSeed) {
  const TokenTraits traits = Traits();
  const auto inputs = Inputs(256, 1);
  for (const Unit unit : {Unit::kToken, Unit::kWord, Unit::kSpan}) {
    std::set<std::vector<int32_t>> draws;
    for (const SampleKey key : {SampleKey{1, 0, 0}, {2, 0, 0}, {1, 1, 0}, {1, 0, 1}}) {
      draws.insert(ChooseMaskPositions({.unit = unit}, traits, 0.15, key, 1, inputs));
    }
    EXPECT_EQ(draws.size(), 4u);
  }
}

TEST(MaskPolicy, ReplacementSharesAndUniformRandomTokens) {
  const TokenTraits traits = Traits();
  const MaskPolicy policy{.replace_random = 0.3, .replace_keep = 0.2};
  const std::vector<int32_t> plain(400, 0);  // a special token: no random one equals it
  std::map<int32_t, int> became;
  double chosen = 0;
  for (uint64_t sample = 0; sample < 500; ++sample) {
    auto inputs = plain;
    const auto positions =
        ApplyMaskPolicy(policy, traits, 0.25, kMaskId, {7, 0, sample}, 1, inputs);
    EXPECT_EQ(positions, DrawMaskPositions(0.25, 400, {7, 0, sample}));
    for (const int32_t position : positions) {
      ++became[inputs[position]];
      inputs[position] = 0;
    }
    EXPECT_EQ(inputs, plain);  // nothing else changed
    chosen += static_cast<double>(positions.size());
  }
  EXPECT_NEAR(became[kMaskId] / chosen, 0.5, 0.01);
  EXPECT_NEAR(became[0] / chosen, 0.2, 0.01);
  double chi_square = 0;
  const double expected = 0.3 * chosen / 95;
  for (int32_t id = 1; id < 100; ++id) {
    if (id == kMaskId) continue;
    if (id < 5) {
      EXPECT_EQ(became[id], 0);
    } else {
      chi_square += std::pow(became[id] - expected, 2) / expected;
    }
  }
  EXPECT_LT(chi_square, 144);  // 99.9 % point with 94 degrees of freedom
}

TEST(AppendPretrainRow, ChosenInputsCountAsMaskedWhateverTheyBecome) {
  const PretrainObjective objective{.mask_ratio = 0.25,
                                    .mask_id = kMaskId,
                                    .seed = 1,
                                    .policy = {.replace_random = 0.5, .replace_keep = 0.5},
                                    .traits = std::make_shared<TokenTraits>(Traits())};
  const std::vector<int32_t> window(101, 50);
  TrainingRows rows;
  AppendPretrainRow(objective, window, {}, 0, 0, rows, 3);
  EXPECT_EQ(std::count(rows.masked.begin(), rows.masked.end(), 1), 25);
  EXPECT_EQ(std::count(rows.input_ids.begin(), rows.input_ids.end(), kMaskId), 0);
  EXPECT_EQ(rows.labels, std::vector<int64_t>(100, 50));
}

TEST(AppendPretrainRow, ReferenceIsOneListForAllRowsAndNoneAtRatioZero) {
  PretrainObjective objective{
      .mask_ratio = 0.15, .mask_id = kMaskId, .policy = {.reference = true}};
  const std::vector<int32_t> window(65, 50);
  TrainingRows rows;
  AppendPretrainRow(objective, window, {}, 0, 0, rows, 3);
  AppendPretrainRow(objective, window, {}, 0, 9, rows, 3);
  std::vector<uint8_t> expected(64);
  for (const int32_t position : ReferenceMaskPositions(0.15, 64, 3)) expected[position] = 1;
  EXPECT_EQ(rows.Slice(0, 1).masked, expected);
  EXPECT_EQ(rows.Slice(1, 1).masked, expected);
  objective.mask_ratio = 0;
  AppendPretrainRow(objective, window, {}, 0, 10, rows, 3);
  EXPECT_EQ(rows.Slice(2, 1).masked, std::vector<uint8_t>(64));
}

TEST(AppendPretrainRow, TheRatioFollowsItsSchedule) {
  const PretrainObjective objective{
      .mask_ratio = 0.3,
      .mask_id = kMaskId,
      .schedule = {.shape = MaskRatioSchedule::Shape::kLinear, .end = 0.1, .steps = 3}};
  const std::vector<int32_t> window(101, 50);
  for (int64_t step = 1; step <= 3; ++step) {
    TrainingRows rows;
    AppendPretrainRow(objective, window, {}, 0, 0, rows, step);
    EXPECT_EQ(std::count(rows.masked.begin(), rows.masked.end(), 1), 40 - 10 * step);
  }
}

}  // namespace
}  // namespace meap
