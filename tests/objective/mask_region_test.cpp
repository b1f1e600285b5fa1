#include "objective/mask_region.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "objective/mask_ratio.h"

namespace meap {
namespace {

std::string Shown(const TrainingRows& rows) {
  std::string text;
  for (const uint8_t region : MaskRegions(rows)) text += "Ma."[region];
  return text;
}

TrainingRows Rows(int64_t rows, const std::string& masked) {
  TrainingRows out{.rows = rows, .length = static_cast<int64_t>(masked.size()) / rows};
  for (const char c : masked) out.masked.push_back(c == 'M' ? 1 : 0);
  out.segment_ids.assign(masked.size(), 0);
  return out;
}

TEST(MaskRegions, EightInputsAfterAMaskAndNoMore) {
  EXPECT_EQ(Shown(Rows(1, "...M..........")), "...Maaaaaaaa..");
  EXPECT_EQ(Shown(Rows(1, "M..MM.........")), "MaaMMaaaaaaaa.");
}

TEST(MaskRegions, EndWithTheRow) { EXPECT_EQ(Shown(Rows(2, "...M....")), "...M...."); }

TEST(MaskRegions, EndWithTheSegment) {
  TrainingRows rows = Rows(1, "M.......");
  for (size_t t = 3; t < 8; ++t) rows.segment_ids[t] = 1;
  EXPECT_EQ(Shown(rows), "Maa.....");
}

TEST(MaskRatioAt, GoesFromTheFirstStepToTheLast) {
  using Shape = MaskRatioSchedule::Shape;
  const MaskRatioSchedule linear{.shape = Shape::kLinear, .end = 0.05, .steps = 11};
  EXPECT_DOUBLE_EQ(MaskRatioAt(linear, 0.25, 1), 0.25);
  EXPECT_DOUBLE_EQ(MaskRatioAt(linear, 0.25, 6), 0.15);
  EXPECT_DOUBLE_EQ(MaskRatioAt(linear, 0.25, 11), 0.05);
  const MaskRatioSchedule cosine{.shape = Shape::kCosine, .end = 0.05, .steps = 9};
  EXPECT_DOUBLE_EQ(MaskRatioAt(cosine, 0.25, 1), 0.25);
  EXPECT_NEAR(MaskRatioAt(cosine, 0.25, 3), 0.05 + 0.2 * (1 + std::sqrt(0.5)) / 2, 1e-12);
  EXPECT_DOUBLE_EQ(MaskRatioAt(cosine, 0.25, 5), 0.15);
  EXPECT_DOUBLE_EQ(MaskRatioAt(cosine, 0.25, 9), 0.05);
  EXPECT_DOUBLE_EQ(MaskRatioAt({.steps = 9}, 0.25, 9), 0.25);
  EXPECT_DOUBLE_EQ(MaskRatioAt({.shape = Shape::kLinear, .end = 0, .steps = 1}, 0.25, 1), 0.25);
}

}  // namespace
}  // namespace meap
