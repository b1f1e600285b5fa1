#include "judge/tally.h"

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

namespace meap {
namespace {

constexpr Verdict kClean = Verdict::kClean;
constexpr Verdict kBad = Verdict::kHallucination;
constexpr Verdict kNone = Verdict::kUndecided;

TEST(TallyTest, Majority) {
  EXPECT_EQ(Majority(std::vector{kClean, kClean, kBad}), kClean);
  EXPECT_EQ(Majority(std::vector{kBad, kNone, kNone}), kBad);
  EXPECT_EQ(Majority(std::vector{kBad, kClean, kNone}), kNone);
  EXPECT_EQ(Majority(std::vector{kNone, kNone}), kNone);
  EXPECT_EQ(Majority({}), kNone);
}

TEST(TallyTest, AgreementIsOverWhatBothDecided) {
  const std::vector a = {kClean, kClean, kBad, kBad, kNone, kClean};
  const std::vector b = {kClean, kBad, kBad, kBad, kClean, kNone};
  const Agreement agreement = JudgeAgreement(a, b);
  EXPECT_EQ(agreement.n, 4U);
  EXPECT_EQ(agreement.share, 0.75);
  EXPECT_NEAR(*agreement.kappa, 0.5, 1e-12);  // chance agrees on half of them
}

TEST(TallyTest, AJudgeWhoSaysOneThingIsWorthNothing) {
  const std::vector<Verdict> judge(10, kClean);
  const std::vector<bool> people = {true, true, true, true, true, true, true, true, false, false};
  const Calibration calibration = Calibrate(judge, people);
  EXPECT_EQ(calibration.balanced_accuracy, 0.5);
  EXPECT_EQ(calibration.agreement.share, 0.8);
  EXPECT_NEAR(*calibration.agreement.kappa, 0, 1e-12);
}

TEST(TallyTest, WithoutALabelOfOneKindThereIsNoBalancedAccuracy) {
  const Calibration calibration = Calibrate(std::vector{kClean, kBad, kNone}, {true, true, true});
  EXPECT_EQ(calibration.recall_clean, 0.5);
  EXPECT_FALSE(calibration.recall_hallucination.has_value());
  EXPECT_FALSE(calibration.balanced_accuracy.has_value());
  EXPECT_EQ(calibration.n, 2U);
  EXPECT_EQ(calibration.undecided, 1U);
  EXPECT_TRUE(ToJson(calibration).at("balanced_accuracy").is_null());
}

RC_GTEST_PROP(TallyProperty, AJudgeAgreesWithItself, ()) {
  const auto draws = *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 3));
  std::vector<Verdict> verdicts;
  for (const int draw : draws) verdicts.push_back(static_cast<Verdict>(draw));
  const Agreement agreement = JudgeAgreement(verdicts, verdicts);
  if (agreement.n > 0) RC_ASSERT(agreement.share == 1.0);
  if (agreement.kappa) RC_ASSERT(*agreement.kappa == 1.0);
}

}  // namespace
}  // namespace meap
