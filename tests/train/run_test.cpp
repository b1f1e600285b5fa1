#include "train/run.h"

#include <gtest/gtest.h>

#include "train/host.h"

namespace meap {
namespace {

TEST(SaveEvery, ATenthOfTheRunWithinBounds) {
  Recipe recipe;
  EXPECT_EQ(SaveEvery(recipe, 12), 50);
  EXPECT_EQ(SaveEvery(recipe, 1234), 124);
  EXPECT_EQ(SaveEvery(recipe, 100000), 500);
  recipe.checkpoint.every = 7;
  EXPECT_EQ(SaveEvery(recipe, 100000), 7);
}

TEST(SaveDue, AnOldCheckpointIsReplacedUnlessTheRecipeSaysWhen) {
  Recipe recipe;
  EXPECT_TRUE(SaveDue(recipe, 100, 50, 0));
  EXPECT_FALSE(SaveDue(recipe, 100, 51, 1700));
  EXPECT_TRUE(SaveDue(recipe, 100, 51, 1900));
  recipe.checkpoint.every = 20;
  EXPECT_TRUE(SaveDue(recipe, 100, 40, 0));
  EXPECT_FALSE(SaveDue(recipe, 100, 51, 1900));
}

TEST(HostChanges, NamesWhatIsOtherwiseAndSkipsWhatWasNotKept) {
  const nlohmann::ordered_json now = {{"threads", 2}, {"kernels", "avx2"}, {"torch", "2.11.0"}};
  EXPECT_TRUE(HostChanges(now, now).empty());
  EXPECT_TRUE(HostChanges({{"threads", 2}}, now).empty());
  EXPECT_EQ(
      HostChanges({{"threads", 1}, {"kernels", "avx512"}}, now),
      (std::vector<std::string>{"threads: 1 before, 2 now", "kernels: avx512 before, avx2 now"}));
}

}  // namespace
}  // namespace meap
