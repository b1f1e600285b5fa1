#include "objective/rows.h"

#include <gtest/gtest.h>

namespace meap {
namespace {

const std::vector<int32_t> kWindow = {10, 11, 12, 13, 14, 15, 16, 17, 18};  // T = 8

TEST(AppendPretrainRow, NtpFeedsTheFirstTAndPredictsTheLastT) {
  TrainingRows rows;
  AppendPretrainRow({}, kWindow, {}, 0, 5, rows);
  EXPECT_EQ(rows.input_ids, (std::vector<int64_t>{10, 11, 12, 13, 14, 15, 16, 17}));
  EXPECT_EQ(rows.labels, (std::vector<int64_t>{11, 12, 13, 14, 15, 16, 17, 18}));
  EXPECT_EQ(rows.position_ids, (std::vector<int64_t>{0, 1, 2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(rows.SegmentOffsets(), (std::vector<int64_t>{0, 8}));
  EXPECT_EQ(rows.sample_ids, std::vector<int64_t>(8, 5));
  EXPECT_EQ(rows.LabelCount(), 8);
}

TEST(AppendPretrainRow, MeapMasksInputsAndKeepsEveryTarget) {
  TrainingRows plain, meap;
  AppendPretrainRow({}, kWindow, {}, 0, 5, plain);
  AppendPretrainRow({.mask_ratio = 0.25, .mask_id = 3, .seed = 1}, kWindow, {}, 0, 5, meap);
  EXPECT_EQ(meap.labels, plain.labels);
  int masked = 0;
  for (size_t t = 0; t < 8; ++t) {
    EXPECT_EQ(meap.input_ids[t], meap.masked[t] ? 3 : plain.input_ids[t]);
    masked += meap.masked[t];
  }
  EXPECT_EQ(masked, 2);
}

TEST(AppendPretrainRow, IsolatedDocumentsRestartAndPredictNothingAcrossTheBorder) {
  TrainingRows rows;
  const std::vector<int32_t> segments = {0, 0, 0, 1, 1, 1, 1, 2, 2};
  AppendPretrainRow({}, kWindow, segments, 0, 0, rows);
  EXPECT_EQ(rows.position_ids, (std::vector<int64_t>{0, 1, 2, 0, 1, 2, 3, 0}));
  EXPECT_EQ(rows.labels, (std::vector<int64_t>{11, 12, kNoLabel, 14, 15, 16, kNoLabel, 18}));
  EXPECT_EQ(rows.SegmentOffsets(), (std::vector<int64_t>{0, 3, 7, 8}));
}

TEST(TrainingRows, SliceIsTheRowsAlone) {
  TrainingRows all, second;
  const PretrainObjective objective{.mask_ratio = 0.5, .mask_id = 3, .seed = 1};
  AppendPretrainRow(objective, kWindow, {}, 0, 1, all);
  AppendPretrainRow(objective, kWindow, {}, 0, 2, all);
  AppendPretrainRow(objective, kWindow, {}, 0, 2, second);
  const TrainingRows slice = all.Slice(1, 1);
  EXPECT_EQ(slice.input_ids, second.input_ids);
  EXPECT_EQ(slice.labels, second.labels);
  EXPECT_EQ(slice.masked, second.masked);
  EXPECT_EQ(slice.sample_ids, second.sample_ids);
}

TEST(TrainingRows, APassTakesRowsByNumberAndByTokensButOneAtLeast) {
  TrainingRows rows{.rows = 4, .length = 4};
  const int64_t pad = kPadSegment;
  rows.segment_ids = {0, 0, 0, 0, 0, 0, 0, pad, 0, 0, pad, pad, 0, pad, pad, pad};
  EXPECT_EQ(rows.PassRows(0, 4, 16), 4);
  EXPECT_EQ(rows.PassRows(0, 3, 16), 3);
  EXPECT_EQ(rows.PassRows(0, 4, 9), 3);  // 4 + 3 + 2
  EXPECT_EQ(rows.PassRows(0, 4, 8), 2);
  EXPECT_EQ(rows.PassRows(0, 4, 3), 1);
  EXPECT_EQ(rows.PassRows(2, 4, 16), 2);
}

}  // namespace
}  // namespace meap
