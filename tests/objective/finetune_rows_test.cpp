#include "objective/finetune_rows.h"

#include <gtest/gtest.h>

namespace meap {
namespace {

using Row = std::vector<int64_t>;

constexpr int64_t kNo = kNoLabel;
constexpr int64_t kPad = kPadSegment;

/// Three tokens, the last of them an answer.
FinetuneSequence Short() {
  return {.input_ids = {1, 10, 20},
          .labels = {kNo, kNo, 20},
          .positions = {0, 1, 2},
          .segments = {0, 0, 0},
          .masked = {0, 0, 0}};
}

/// An original of two tokens and its masked copy, isolated.
FinetuneSequence Pair() {
  return {.input_ids = {1, 30, 1, 99},
          .labels = {kNo, 30, kNo, 30},
          .positions = {0, 1, 0, 1},
          .segments = {0, 0, 1, 1},
          .masked = {0, 0, 0, 1}};
}

TEST(AppendFinetuneRow, PacksSequencesThatKeepTheirPositionsAndAttention) {
  TrainingRows rows;
  AppendFinetuneRow({{7, Short()}, {3, Pair()}}, 9, 5, rows);
  EXPECT_EQ(rows.rows, 1);
  EXPECT_EQ(rows.input_ids, (Row{1, 10, 20, 1, 30, 1, 99, 5, 5}));
  EXPECT_EQ(rows.position_ids, (Row{0, 1, 2, 0, 1, 0, 1, 0, 0}));
  EXPECT_EQ(rows.segment_ids, (Row{0, 0, 0, 1, 1, 2, 2, kPad, kPad}));
  EXPECT_EQ(rows.sample_ids, (Row{7, 7, 7, 3, 3, 3, 3, -1, -1}));
  EXPECT_EQ(rows.Samples(), (Row{3, 7}));
}

TEST(AppendFinetuneRow, LabelsStandWhereTheyArePredictedAndNeverAcrossABorder) {
  TrainingRows rows;
  AppendFinetuneRow({{7, Short()}, {3, Pair()}}, 9, 5, rows);
  EXPECT_EQ(rows.labels, (Row{kNo, 20, kNo, 30, kNo, 30, kNo, kNo, kNo}));
  const auto answer = static_cast<uint8_t>(LossRegion::kAnswer);
  const auto masked = static_cast<uint8_t>(LossRegion::kMasked);
  EXPECT_EQ(rows.regions[1], answer);
  EXPECT_EQ(rows.regions[3], answer);
  EXPECT_EQ(rows.regions[5], masked);
}

TEST(TrainingRows, WithoutPaddingIsOneRowWhoseSegmentsStayApart) {
  TrainingRows rows;
  AppendFinetuneRow({{7, Short()}}, 5, 5, rows);
  AppendFinetuneRow({{8, Short()}}, 5, 5, rows);
  const TrainingRows packed = rows.WithoutPadding();
  EXPECT_EQ(packed.rows, 1);
  EXPECT_EQ(packed.length, 6);
  EXPECT_EQ(packed.input_ids, (Row{1, 10, 20, 1, 10, 20}));
  EXPECT_EQ(packed.labels, (Row{kNo, 20, kNo, kNo, 20, kNo}));
  EXPECT_EQ(packed.SegmentOffsets(), (Row{0, 3, 6}));
  EXPECT_EQ(packed.sample_ids, (Row{7, 7, 7, 8, 8, 8}));
  EXPECT_EQ(packed.regions.size(), 6u);
  EXPECT_EQ(rows.TokenCount(), 6);
  EXPECT_EQ(rows.SegmentCount(), 2);
}

}  // namespace
}  // namespace meap
