#include "train/schedule.h"

#include <gtest/gtest.h>

namespace meap {
namespace {

TEST(LearningRate, WarmsUpThenFollowsTheCosineToItsMinimum) {
  const ScheduleOptions schedule{.name = "cosine", .warmup = 0.1, .min_lr = 4e-5};
  EXPECT_EQ(WarmupSteps(schedule, 100), 10);
  EXPECT_DOUBLE_EQ(LearningRate(schedule, 4e-4, 1, 100), 4e-5);
  EXPECT_DOUBLE_EQ(LearningRate(schedule, 4e-4, 10, 100), 4e-4);
  EXPECT_DOUBLE_EQ(LearningRate(schedule, 4e-4, 55, 100), (4e-4 + 4e-5) / 2);
  EXPECT_DOUBLE_EQ(LearningRate(schedule, 4e-4, 100, 100), 4e-5);
}

TEST(LearningRate, WarmupFromOneOnCountsSteps) {
  EXPECT_EQ(WarmupSteps({.name = "cosine", .warmup = 1, .min_lr = 0}, 100), 1);
  EXPECT_EQ(WarmupSteps({.name = "cosine", .warmup = 7, .min_lr = 0}, 100), 7);
  EXPECT_EQ(WarmupSteps({.name = "cosine", .warmup = 0, .min_lr = 0}, 100), 0);
}

TEST(LearningRate, LinearAndConstant) {
  const ScheduleOptions linear{.name = "linear", .warmup = 0, .min_lr = 0};
  EXPECT_DOUBLE_EQ(LearningRate(linear, 1, 25, 100), 0.75);
  EXPECT_DOUBLE_EQ(LearningRate(linear, 1, 100, 100), 0);
  const ScheduleOptions constant{.name = "constant", .warmup = 0, .min_lr = 0};
  EXPECT_DOUBLE_EQ(LearningRate(constant, 1, 100, 100), 1);
}

TEST(LearningRate, WsdIsStableThenFallsLinearly) {
  const ScheduleOptions wsd{.name = "wsd", .warmup = 0.1, .decay = 0.2, .min_lr = 0.1};
  EXPECT_DOUBLE_EQ(LearningRate(wsd, 1, 5, 100), 0.5);
  EXPECT_DOUBLE_EQ(LearningRate(wsd, 1, 10, 100), 1);
  EXPECT_DOUBLE_EQ(LearningRate(wsd, 1, 80, 100), 1);
  EXPECT_DOUBLE_EQ(LearningRate(wsd, 1, 90, 100), 0.55);
  EXPECT_DOUBLE_EQ(LearningRate(wsd, 1, 100, 100), 0.1);
  const ScheduleOptions none{.name = "wsd", .warmup = 0, .decay = 0, .min_lr = 0};
  EXPECT_DOUBLE_EQ(LearningRate(none, 1, 100, 100), 1);
  const ScheduleOptions all{.name = "wsd", .warmup = 0.5, .decay = 1, .min_lr = 0};
  EXPECT_DOUBLE_EQ(LearningRate(all, 1, 75, 100), 0.5);
}

TEST(LearningRate, WarmupLongerThanTheRunStaysDefined) {
  const ScheduleOptions schedule{.name = "cosine", .warmup = 500, .min_lr = 0};
  EXPECT_DOUBLE_EQ(LearningRate(schedule, 1, 100, 100), 1);
}

}  // namespace
}  // namespace meap
