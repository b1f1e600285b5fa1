#include <ATen/ATen.h>

#include "infer/generate.h"
#include "infer/kv_cache.h"
#include "infer/score.h"
#include "model/presets.h"
#include "tests/support.h"

namespace meap {
namespace {

Llama MakeModel(int64_t kv_heads) {
  ModelOptions options;
  options.preset = "tiny";
  options.num_attention_heads = 4;
  options.num_key_value_heads = kv_heads;
  Llama model(ConfigFromOptions(options, 50, 64), at::kFloat, at::kCPU);
  model.Initialize(3);
  return model;
}

at::Tensor Whole(const Llama& model, const at::Tensor& tokens) {
  PackedAttender attender(Segments{{0, tokens.size(0)}});
  return model.Forward(tokens, at::arange(tokens.size(0), at::kLong), attender);
}

TEST(KvCache, AnyCutOfASequenceGivesTheSameStates) {
  const at::NoGradGuard no_grad;
  for (const int64_t kv_heads : {1, 2, 4}) {
    const Llama model = MakeModel(kv_heads);
    const at::Tensor tokens = at::randint(50, {20}, at::kLong);
    const at::Tensor whole = Whole(model, tokens);
    KvCache cache(model.config(), 1, 20, at::kFloat, at::kCPU);
    for (const auto& [begin, count] : {std::pair{0, 7}, {7, 1}, {8, 1}, {9, 10}, {19, 1}}) {
      const at::Tensor part = model.Forward(tokens.narrow(0, begin, count),
                                            at::arange(begin, begin + count, at::kLong), cache);
      cache.Advance(count);
      EXPECT_TRUE(at::allclose(part, whole.narrow(0, begin, count), 1e-4, 1e-5)) << begin;
    }
  }
}

TEST(Generate, GreedyTakesTheMostLikelyOfTheWholeSequence) {
  const at::NoGradGuard no_grad;
  const Llama model = MakeModel(2);
  std::vector<int32_t> ids = {1, 2, 3};
  const auto generated = Generate(model, ids, {.max_new_tokens = 12});
  for (const int32_t token : generated) {
    const at::Tensor tokens = at::tensor(std::vector<int64_t>(ids.begin(), ids.end()));
    EXPECT_EQ(model.Logits(Whole(model, tokens))[-1].argmax().item<int64_t>(), token);
    ids.push_back(token);
  }
  EXPECT_EQ(generated.size(), 12u);
}

TEST(SampleToken, FollowsTemperatureTopKAndTopP) {
  const at::Tensor logits = at::tensor({0.5, 0.3, 0.15, 0.05}).log().to(at::kFloat);
  EXPECT_EQ(SampleToken(logits, {.temperature = 0}, 0.99), 0);
  EXPECT_EQ(SampleToken(logits, {.temperature = 1}, 0.49), 0);
  EXPECT_EQ(SampleToken(logits, {.temperature = 1}, 0.51), 1);
  EXPECT_EQ(SampleToken(logits, {.temperature = 1}, 0.97), 3);
  EXPECT_EQ(SampleToken(logits, {.temperature = 1, .top_k = 2}, 0.99), 1);
  EXPECT_EQ(SampleToken(logits, {.temperature = 1, .top_p = 0.79}, 0.99), 1);
  EXPECT_EQ(SampleToken(logits, {.temperature = 1, .top_p = 0.81}, 0.99), 2);
  EXPECT_EQ(SampleToken(logits, {.temperature = 100}, 0.26), 1);
}

TEST(Score, DoesNotDependOnTheBatch) {
  const Llama model = MakeModel(2);
  std::vector<ScoreRequest> requests;
  for (int32_t n = 1; n < 12; ++n) requests.push_back({std::vector<int32_t>(n, n), {5, n, 7}});
  const auto together = Score(model, requests);
  for (size_t i = 0; i < requests.size(); ++i) {
    const auto alone = Score(model, {requests[i]});
    EXPECT_NEAR(together[i].logprob, alone[0].logprob, 1e-5);
    EXPECT_EQ(together[i].tokens, 3);
  }
}

TEST(Score, ARequestLongerThanTheContextKeepsItsLastTokens) {
  const Llama model = MakeModel(2);  // context 64
  ScoreRequest full{std::vector<int32_t>(100, 4), {5, 6}};
  for (size_t i = 0; i < 100; ++i) full.context[i] = static_cast<int32_t>(i % 50);
  ScoreRequest cut = full;
  cut.context.erase(cut.context.begin(), cut.context.begin() + 37);  // 63 + 2 = 64 + 1 tokens
  EXPECT_DOUBLE_EQ(Score(model, {full})[0].logprob, Score(model, {cut})[0].logprob);
}

}  // namespace
}  // namespace meap
