#include "train/pretrain_objective.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support.h"

namespace meap {
namespace {

using ::meap::testing::ErrorOf;
using ::meap::testing::Fixture;

/// The words that a tokenizer's traits split a text into.
std::vector<std::string> Words(const char* fixture, std::string_view text) {
  const Tokenizer tokenizer = Tokenizer::Load(Fixture("tokenizers") / fixture);
  const TokenTraits traits = ReadTokenTraits(tokenizer);
  std::vector<std::string> words;
  for (const int32_t id : tokenizer.Encode(text, false)) {
    if (words.empty() || traits.StartsWord(id)) words.emplace_back();
    words.back() += tokenizer.IdToToken(id).value();
  }
  return words;
}

TEST(ReadTokenTraits, WordsBeginWithASpaceInEveryTokenizersWriting) {
  EXPECT_EQ(Words("sp-bpe", "hello strange world").size(), 3u);
  EXPECT_EQ(Words("o200k", "hello strange world").size(), 3u);
  EXPECT_EQ(Words("o200k", "hello\nstrange").size(), 2u);
}

TEST(ReadTokenTraits, SpecialTokensAreNoReplacements) {
  Tokenizer tokenizer = Tokenizer::Load(Fixture("tokenizers") / "qwen2");
  const int32_t mask = tokenizer.AddMaskToken();
  const TokenTraits traits = ReadTokenTraits(tokenizer);
  EXPECT_TRUE(traits.IsSpecial(mask));
  EXPECT_EQ(std::ranges::count(traits.ordinary, mask), 0);
  for (int32_t id = 0; id < tokenizer.VocabSize(); ++id) {
    EXPECT_EQ(traits.IsSpecial(id), tokenizer.IsSpecial(id)) << id;
  }
  EXPECT_FALSE(traits.ordinary.empty());
}

TEST(MakeObjective, ReadsEveryMaskOption) {
  const Tokenizer tokenizer = Tokenizer::Load(Fixture("tokenizers") / "qwen2");
  Recipe recipe;
  recipe.objective.mask.span_mean = 7;
  EXPECT_EQ(MakeObjective(recipe, tokenizer, 3, 10).policy, MaskPolicy{});
  recipe.objective.mask = {.count = "bernoulli",
                           .scope = "step",
                           .unit = "span",
                           .span_mean = 7,
                           .replace_mask = 0.7,
                           .replace_random = 0.2,
                           .replace_keep = 0.1,
                           .schedule = "cosine",
                           .ratio_end = 0.3};
  const PretrainObjective objective = MakeObjective(recipe, tokenizer, 3, 10);
  EXPECT_EQ(objective.policy, (MaskPolicy{.count = MaskPolicy::Count::kBernoulli,
                                          .scope = MaskPolicy::Scope::kStep,
                                          .unit = MaskPolicy::Unit::kSpan,
                                          .span_mean = 7,
                                          .replace_random = 0.2,
                                          .replace_keep = 0.1}));
  EXPECT_EQ(objective.schedule.shape, MaskRatioSchedule::Shape::kCosine);
  EXPECT_EQ(objective.schedule.steps, 10);
  EXPECT_EQ(objective.schedule.end, 0.3);
}

TEST(MakeObjective, ReferenceNeedsTwoInputs) {
  const Tokenizer tokenizer = Tokenizer::Load(Fixture("tokenizers") / "qwen2");
  Recipe recipe;
  recipe.objective.mask.policy = "reference";
  recipe.data.sequence_length = 1;
  EXPECT_EQ(ErrorOf([&] { MakeObjective(recipe, tokenizer, 3, 10); }).where,
            "data.sequence_length");
}

}  // namespace
}  // namespace meap
