#include "data/packing.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <numeric>

namespace meap {
namespace {

int64_t Tokens(const ItemRow& row, const std::vector<int64_t>& lengths) {
  return std::accumulate(row.begin(), row.end(), int64_t{0},
                         [&](int64_t sum, uint32_t item) { return sum + lengths[item]; });
}

std::vector<uint32_t> ItemsOf(const std::vector<StepRows>& steps) {
  std::vector<uint32_t> items;
  for (const StepRows& rows : steps) {
    for (const ItemRow& row : rows) items.insert(items.end(), row.begin(), row.end());
  }
  return items;
}

std::vector<int64_t> Lengths(size_t count, int64_t longest) {
  return *rc::gen::container<std::vector<int64_t>>(count,
                                                   rc::gen::inRange<int64_t>(1, longest + 1));
}

RC_GTEST_PROP(PlanEpoch, EveryItemIsInOneRowAndNoRowOverflows, ()) {
  const bool pack = *rc::gen::arbitrary<bool>();
  const auto lengths = Lengths(*rc::gen::inRange<size_t>(0, 300), 50);
  const PackingOptions options{.row_tokens = 50, .batch_tokens = 170, .pack = pack, .seed = 3};
  const auto steps = PlanEpoch(lengths, options, *rc::gen::inRange<uint32_t>(0, 5));
  std::vector<uint32_t> items = ItemsOf(steps);
  std::sort(items.begin(), items.end());
  RC_ASSERT(items.size() == lengths.size());
  for (size_t i = 0; i < items.size(); ++i) RC_ASSERT(items[i] == i);
  for (const StepRows& rows : steps) {
    RC_ASSERT(!rows.empty());
    int64_t longest = 0;
    for (const ItemRow& row : rows) {
      longest = std::max(longest, Tokens(row, lengths));
      RC_ASSERT(Tokens(row, lengths) <= options.row_tokens);
      if (!pack) RC_ASSERT(row.size() == 1u);
    }
    if (pack) RC_ASSERT(rows.size() <= 3u);
    if (!pack) RC_ASSERT(longest * static_cast<int64_t>(rows.size()) <= options.batch_tokens);
  }
}

TEST(PlanEpoch, IsFirstFitDecreasing) {
  // By falling length 7 6 5 4 3 2 into rows of 10: {7 3} {6 4} {5 2}.
  const std::vector<int64_t> lengths = {4, 7, 2, 5, 3, 6};
  auto steps = PlanEpoch(lengths, {.row_tokens = 10, .batch_tokens = 10, .seed = 1}, 0);
  std::vector<ItemRow> rows;
  for (const StepRows& step : steps) rows.insert(rows.end(), step.begin(), step.end());
  std::sort(rows.begin(), rows.end());
  EXPECT_EQ(rows, (std::vector<ItemRow>{{1, 4}, {3, 2}, {5, 0}}));
}

TEST(PlanEpoch, FillsRowsOfManyShortItemsAlmostWhole) {
  std::vector<int64_t> lengths;
  for (int64_t i = 0; i < 3000; ++i) lengths.push_back(20 + (i * i * 37) % 300);
  const auto steps = PlanEpoch(lengths, {.row_tokens = 1024, .batch_tokens = 1024, .seed = 1}, 0);
  const auto total = std::accumulate(lengths.begin(), lengths.end(), int64_t{0});
  EXPECT_GT(static_cast<double>(total) / static_cast<double>(steps.size() * 1024), 0.98);
}

TEST(PlanEpoch, EpochsAndSeedsDifferAndAnyEpochCanBeHadAtOnce) {
  std::vector<int64_t> lengths;
  for (int64_t i = 0; i < 200; ++i) lengths.push_back(1 + i % 40);
  for (const bool pack : {true, false}) {
    PackingOptions options{.row_tokens = 64, .batch_tokens = 256, .pack = pack, .seed = 1};
    const auto first = PlanEpoch(lengths, options, 0);
    EXPECT_EQ(first, PlanEpoch(lengths, options, 0));
    EXPECT_NE(first, PlanEpoch(lengths, options, 1));
    options.seed = 2;
    EXPECT_NE(first, PlanEpoch(lengths, options, 0));
  }
}

TEST(PlanEpoch, GroupedStepsHoldItemsOfAboutOneLength) {
  std::vector<int64_t> lengths;
  for (int64_t i = 0; i < 400; ++i) lengths.push_back(1 + (i * 29) % 100);
  int64_t padded = 0;
  for (const StepRows& rows :
       PlanEpoch(lengths, {.row_tokens = 100, .batch_tokens = 800, .pack = false, .seed = 1}, 0)) {
    int64_t longest = 0;
    for (const ItemRow& row : rows) longest = std::max(longest, lengths[row.front()]);
    padded += longest * static_cast<int64_t>(rows.size());
  }
  const auto total = std::accumulate(lengths.begin(), lengths.end(), int64_t{0});
  EXPECT_LT(static_cast<double>(padded) / static_cast<double>(total), 1.1);
}

}  // namespace
}  // namespace meap
