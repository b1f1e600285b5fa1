// Section 1.3 of the evaluation protocols: which tokens a request is made of, and where BOS stands.
#include "infer/text_encoder.h"

#include <gmock/gmock.h>

#include "core/files.h"
#include "tests/support.h"

namespace meap {
namespace {

using ::meap::testing::ErrorOf;
using ::testing::HasSubstr;

using Ids = std::vector<int32_t>;

/// llama3 puts BOS first by itself; gpt2 does not, and names one.
Tokenizer Shared(const std::string& name) {
  return Tokenizer::Load(testing::SharedRoot() / "data/tokenizers" / name);
}

Ids Joined(const ScoreRequest& request) {
  Ids ids = request.context;
  ids.insert(ids.end(), request.continuation.begin(), request.continuation.end());
  return ids;
}

TEST(TextEncoderTest, TheContinuationIsTheTailOfTheWhole) {
  MEAP_NEEDS_SHARED();
  const Tokenizer tokenizer = Shared("llama3");
  const TextEncoder encoder(tokenizer, {.harness = true});
  const ScoreRequest request = encoder.EncodeRequest("Question: why?\nAnswer:", " because");
  EXPECT_EQ(request.context, tokenizer.Encode("Question: why?\nAnswer:", true));
  EXPECT_EQ(request.context.front(), *tokenizer.bos());  // in the context, so never scored
  EXPECT_EQ(Joined(request), tokenizer.Encode("Question: why?\nAnswer: because", true));
  // "un" ends the context and begins a longer token of the whole: the tail counts from the
  // context's length all the same, and the context is fed as it is encoded alone.
  const ScoreRequest word = encoder.EncodeRequest("It is un", "believable news.");
  const Ids whole = tokenizer.Encode("It is unbelievable news.", true);
  const Ids context = tokenizer.Encode("It is un", true);
  ASSERT_NE(whole[context.size() - 1], context.back());
  EXPECT_EQ(word.context, context);
  EXPECT_EQ(word.continuation,
            Ids(whole.begin() + static_cast<std::ptrdiff_t>(context.size()), whole.end()));
}

TEST(TextEncoderTest, BosIsTheTokenizersUnlessItIsChosen) {
  MEAP_NEEDS_SHARED();
  const Tokenizer llama = Shared("llama3");
  const Tokenizer gpt = Shared("gpt2");
  const auto first = [](const Tokenizer& tokenizer, std::optional<bool> add) {
    const TextEncoder encoder(tokenizer, {.add_bos = add, .harness = true});
    const ScoreRequest request = encoder.EncodeRequest("A cat", " sat");
    // One rule for both encodings.
    EXPECT_EQ(Joined(request), encoder.Encode("A cat sat"));
    EXPECT_EQ(request.context, encoder.Encode("A cat"));
    return request.context.front() == *tokenizer.bos();
  };
  EXPECT_TRUE(first(llama, {}));
  EXPECT_TRUE(first(llama, true));
  EXPECT_FALSE(first(llama, false));
  EXPECT_FALSE(first(gpt, {}));
  EXPECT_TRUE(first(gpt, true));
  EXPECT_FALSE(first(gpt, false));
  const TextEncoder added(gpt, {.add_bos = true, .harness = true});
  EXPECT_EQ(added.Encode("A cat").size(), gpt.Encode("A cat", false).size() + 1);
}

TEST(TextEncoderTest, AWrittenBosGetsNoSecond) {
  MEAP_NEEDS_SHARED();
  const Tokenizer tokenizer = Shared("llama3");
  for (const std::optional<bool> add : {std::optional<bool>(), std::optional(true)}) {
    const TextEncoder encoder(tokenizer, {.add_bos = add, .harness = true});
    const Ids ids = encoder.Encode("<|begin_of_text|>A cat");
    EXPECT_EQ(std::count(ids.begin(), ids.end(), *tokenizer.bos()), 1);
    EXPECT_EQ(ids, encoder.Encode("A cat"));
  }
}

TEST(TextEncoderTest, AnEmptyContextIsBosOrEos) {
  MEAP_NEEDS_SHARED();
  const Tokenizer llama = Shared("llama3");
  for (const std::optional<bool> add : {std::optional<bool>(), std::optional(false)}) {
    const ScoreRequest request =
        TextEncoder(llama, {.add_bos = add, .harness = true}).EncodeRequest("", " sat");
    EXPECT_EQ(request.context, Ids{*llama.bos()});
    EXPECT_EQ(request.continuation, llama.Encode(" sat", false));
  }
  const std::string json =
      ReadFile(testing::SharedRoot() / "data/tokenizers/llama3/tokenizer.json", "test");
  const Tokenizer no_bos = Tokenizer::FromJson(json, R"({"eos_token": "<|end_of_text|>"})");
  EXPECT_EQ(TextEncoder(no_bos, {.harness = true}).EncodeRequest("", " sat").context,
            Ids{*no_bos.eos()});
  EXPECT_THAT(ErrorOf([&] { TextEncoder(no_bos, {.add_bos = true}); }).where,
              HasSubstr("--bos add"));
  const Tokenizer neither = Tokenizer::FromJson(json);
  EXPECT_THAT(ErrorOf([&] { TextEncoder(neither).EncodeRequest("", " sat"); }).where,
              HasSubstr("context"));
}

}  // namespace
}  // namespace meap
