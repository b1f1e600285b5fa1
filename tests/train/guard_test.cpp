#include "train/guard.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace meap {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// A guard whose window is full of losses around 2 with a MAD of 0.1.
Guard Filled(GuardOptions options) {
  options.spike_window = 8;
  Guard guard(options);
  for (const double loss : {1.8, 1.9, 2.0, 2.1, 2.2, 1.9, 2.0, 2.1}) {
    EXPECT_FALSE(guard.Judge(loss, 1.0).has_value());
  }
  return guard;
}

TEST(RobustScore, IsInUnitsOfSigmaAndBlindToOutliers) {
  const std::vector<double> window = {1.8, 1.9, 2.0, 2.1, 2.2};
  EXPECT_NEAR(RobustScore(window, 2.0), 0, 1e-12);
  EXPECT_NEAR(RobustScore(window, 2.0 + 1.4826 * 0.1), 1, 1e-9);
  EXPECT_LT(RobustScore(window, 1.0), -6);
  const std::vector<double> outlier = {1.8, 1.9, 2.0, 2.1, 1000.0};
  EXPECT_NEAR(RobustScore(outlier, 2.1482), 1, 0.01);
}

TEST(RobustScore, AFlatWindowDoesNotCryWolf) {
  const std::vector<double> window(16, 2.0);
  EXPECT_LT(RobustScore(window, 2.001), 1);
  EXPECT_GT(RobustScore(window, 2.1), 8);
}

TEST(Guard, ALossOrGradientThatIsNotFinite) {
  Guard guard({.on_nonfinite = "skip"});
  EXPECT_EQ(guard.Judge(kNan, 1.0)->action, "skip");
  EXPECT_EQ(guard.Judge(kInfinity, 1.0)->what, "the loss is not finite");
  EXPECT_EQ(guard.Judge(2.0, kNan)->what, "the gradient is not finite");
  EXPECT_FALSE(guard.Judge(2.0, 1.0).has_value());
}

TEST(Guard, ASpikeIsUpwardBeyondTheScoreAndNotBeforeTheWindowIsFull) {
  Guard guard = Filled({.on_spike = "skip"});
  EXPECT_FALSE(guard.Judge(0.1, 1.0).has_value());
  EXPECT_FALSE(guard.Judge(2.5, 1.0).has_value());
  EXPECT_EQ(guard.Judge(4.0, 1.0)->action, "skip");
  Guard fresh({.on_spike = "skip", .spike_window = 8});
  EXPECT_FALSE(fresh.Judge(2.0, 1.0).has_value());
  EXPECT_FALSE(fresh.Judge(100.0, 1.0).has_value());
  Guard off = Filled({.on_spike = "off"});
  EXPECT_FALSE(off.Judge(100.0, 1.0).has_value());
}

TEST(Guard, ASkippedLossDoesNotWidenTheWindowAWarnedOneDoes) {
  Guard skips = Filled({.on_spike = "skip"});
  for (int i = 0; i < 8; ++i) EXPECT_TRUE(skips.Judge(4.0, 1.0).has_value());
  Guard warns = Filled({.on_spike = "warn"});
  for (int i = 0; i < 5; ++i) warns.Judge(4.0, 1.0);
  EXPECT_FALSE(warns.Judge(4.0, 1.0).has_value());
}

TEST(Guard, StopsAfterTheLimitInARow) {
  Guard guard({.on_nonfinite = "skip", .limit = 2});
  EXPECT_EQ(guard.Judge(kNan, 1.0)->action, "skip");
  EXPECT_EQ(guard.Judge(kNan, 1.0)->action, "skip");
  EXPECT_FALSE(guard.Judge(2.0, 1.0).has_value());
  EXPECT_EQ(guard.Judge(kNan, 1.0)->action, "skip");
  EXPECT_EQ(guard.Judge(kNan, 1.0)->action, "skip");
  EXPECT_EQ(guard.Judge(kNan, 1.0)->action, "stop");
}

TEST(Guard, GoesOnFromItsStateAsIfNothingHadBeen) {
  Guard guard = Filled({.on_nonfinite = "skip", .on_spike = "skip", .limit = 3});
  guard.Judge(kNan, 1.0);
  Guard again({.on_nonfinite = "skip", .on_spike = "skip", .spike_window = 8, .limit = 3});
  again.Restore(nlohmann::json::parse(guard.State().dump()));
  EXPECT_EQ(again.State(), guard.State());
  for (const double loss : {2.6, 4.0, kNan, kNan, kNan}) {
    const auto expected = guard.Judge(loss, 1.0);
    const auto got = again.Judge(loss, 1.0);
    ASSERT_EQ(got.has_value(), expected.has_value());
    if (got) {
      EXPECT_EQ(got->action, expected->action);
    }
  }
}

TEST(DescribeFinding, NamesStepTensorAndTheSamplesToBlame) {
  StepReport report{.step = 7};
  report.loss = {.all = {.nll = 30, .tokens = 10}, .broken = {42}};
  TrainingRows rows;
  rows.sample_ids = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
  const Finding finding{.what = "the loss is not finite", .action = "stop"};
  const ErrorParts known = DescribeFinding(finding, report, rows, "gradient of head");
  EXPECT_EQ(known.where, "step 7, gradient of head, samples with such a loss 42");
  report.loss.broken.clear();
  const ErrorParts unknown = DescribeFinding(finding, report, rows, "");
  EXPECT_EQ(unknown.where, "step 7, samples 1, 2, 3, 4, 5, 6, 7, 8, ...");
}

}  // namespace
}  // namespace meap
