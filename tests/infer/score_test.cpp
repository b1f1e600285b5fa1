#include "infer/score.h"

#include <ATen/ATen.h>

#include "core/machine.h"
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

TEST(Score, DoesNotDependOnTheBatch) {
  const Llama model = MakeModel(2);
  std::vector<ScoreRequest> requests;
  for (int32_t n = 1; n < 12; ++n) requests.push_back({std::vector<int32_t>(n, n), {5, n, 7}});
  const auto together = Score(model, requests);
  for (size_t i = 0; i < requests.size(); ++i) {
    const auto alone = Score(model, std::vector{requests[i]});
    EXPECT_NEAR(together[i].logprob, alone[0].logprob, 1e-5);
    EXPECT_EQ(together[i].tokens, 3);
  }
}

TEST(Score, TheMemoryOfABatchIsGivenBack) {
  ModelOptions options;
  options.preset = "tiny";
  Llama model(ConfigFromOptions(options, 60'000, 64), at::kFloat, at::kCPU);
  model.Initialize(3);
  const std::vector<ScoreRequest> requests(8, {{1, 2}, std::vector<int32_t>(30, 5)});
  ReleaseFreedMemory();
  const int64_t before = AnonymousMemory();
  Score(model, requests);  // logits of up to 60 MB
  EXPECT_LT(AnonymousMemory() - before, int64_t{20} << 20);
}

TEST(Score, ARequestLongerThanTheContextKeepsItsLastTokens) {
  const Llama model = MakeModel(2);  // context 64
  ScoreRequest full{std::vector<int32_t>(100, 4), {5, 6}};
  for (size_t i = 0; i < 100; ++i) full.context[i] = static_cast<int32_t>(i % 50);
  ScoreRequest cut = full;
  cut.context.erase(cut.context.begin(), cut.context.begin() + 37);  // 63 + 2 = 64 + 1 tokens
  EXPECT_DOUBLE_EQ(Score(model, std::vector{full})[0].logprob,
                   Score(model, std::vector{cut})[0].logprob);
}

}  // namespace
}  // namespace meap
