#include "infer/generator.h"

#include <ATen/ATen.h>

#include <map>

#include "model/presets.h"
#include "tests/infer/infer_support.h"
#include "tests/support.h"

namespace meap {
namespace {

constexpr int64_t kContext = 64;

Llama MakeModel(int64_t kv_heads, std::vector<int64_t> ends = {}) {
  ModelOptions options;
  options.preset = "tiny";
  options.num_attention_heads = 4;
  options.num_key_value_heads = kv_heads;
  LlamaConfig config = ConfigFromOptions(options, 50, kContext);
  config.eos_token_id = std::move(ends);
  config.initializer_range = 0.2;  // logits far enough apart for other tokens to follow
  Llama model(config, at::kFloat, at::kCPU);
  model.Initialize(3);
  return model;
}

at::Tensor Whole(const Llama& model, const std::vector<int32_t>& ids) {
  const at::NoGradGuard no_grad;
  PackedAttender attender(Segments{{0, static_cast<int64_t>(ids.size())}});
  return model.Forward(at::tensor(std::vector<int64_t>(ids.begin(), ids.end())),
                       at::arange(static_cast<int64_t>(ids.size()), at::kLong), attender);
}

std::vector<int32_t> RandomIds(int64_t count, uint64_t seed) {
  return testing::RandomIds(count, 50, seed);
}

/// Prompts of many lengths, some of which begin alike.
std::vector<TokenRequest> Requests(double temperature) {
  std::vector<TokenRequest> requests;
  for (uint64_t i = 0; i < 20; ++i) {
    std::vector<int32_t> prompt = RandomIds(30, i % 3);
    prompt.resize(i % 7 == 0 ? 1 + i : 20 + i % 10);
    const std::vector<int32_t> rest = RandomIds(1 + i % 5, 100 + i);
    prompt.insert(prompt.end(), rest.begin(), rest.end());
    SamplingOptions sampling;
    sampling.temperature = temperature;
    sampling.max_new_tokens = 3 + static_cast<int64_t>(i) % 11;
    sampling.seed = i;
    requests.push_back({prompt, sampling});
  }
  return requests;
}

TEST(KvCache, AnyCutOfASequenceGivesTheSameStates) {
  const at::NoGradGuard no_grad;
  for (const int64_t kv_heads : {1, 2, 4}) {
    const Llama model = MakeModel(kv_heads);
    const std::vector<int32_t> ids = RandomIds(20, 1);
    const at::Tensor whole = Whole(model, ids);
    KvCache cache(model.config(), 20, at::kFloat, at::kCPU);
    for (const auto& [begin, count] : {std::pair{0, 7}, {7, 1}, {8, 1}, {9, 10}, {19, 1}}) {
      CacheAttender attender({{&cache, {ids.begin() + begin, ids.begin() + begin + count}}});
      const at::Tensor part =
          model.Forward(attender.Tokens(at::kCPU), attender.Positions(at::kCPU), attender);
      attender.Commit();
      EXPECT_TRUE(at::allclose(part, whole.narrow(0, begin, count), 1e-4, 1e-5)) << begin;
    }
    EXPECT_EQ(cache.ids(), ids);
  }
}

TEST(KvCache, SequencesOfOnePassDoNotSeeEachOther) {
  const at::NoGradGuard no_grad;
  const Llama model = MakeModel(2);
  const std::vector<int32_t> a = RandomIds(9, 1), b = RandomIds(14, 2);
  KvCache cache_a(model.config(), 20, at::kFloat, at::kCPU);
  KvCache cache_b(model.config(), 20, at::kFloat, at::kCPU);
  CacheAttender attender({{&cache_a, a}, {&cache_b, b}});
  const at::Tensor both =
      model.Forward(attender.Tokens(at::kCPU), attender.Positions(at::kCPU), attender);
  attender.Commit();
  EXPECT_TRUE(at::allclose(both.narrow(0, 0, 9), Whole(model, a), 1e-4, 1e-5));
  EXPECT_TRUE(at::allclose(both.narrow(0, 9, 14), Whole(model, b), 1e-4, 1e-5));
}

TEST(Generator, GreedyTakesTheMostLikelyOfTheWholeSequence) {
  const at::NoGradGuard no_grad;
  const Llama model = MakeModel(2);
  std::vector<int32_t> ids = {1, 2, 3};
  SamplingOptions sampling;
  sampling.max_new_tokens = 12;
  const TokenResult result = Generator(model).Run({{ids, sampling}})[0];
  for (const int32_t token : result.tokens) {
    EXPECT_EQ(model.Logits(Whole(model, ids))[-1].argmax().item<int64_t>(), token);
    ids.push_back(token);
  }
  EXPECT_EQ(result.tokens.size(), 12u);
  EXPECT_EQ(result.finish, Finish::kLimit);
}

TEST(Generator, ResultsDoNotDependOnTheBatch) {
  const Llama model = MakeModel(2, {7});
  for (const double temperature : {0.0, 1.0}) {
    const std::vector<TokenRequest> requests = Requests(temperature);
    std::vector<TokenResult> alone;
    for (const TokenRequest& request : requests) {
      alone.push_back(Generator(model).Run({request})[0]);
    }
    for (const int64_t size : {1, 3, 8, 100}) {
      GeneratorOptions options;
      options.max_sequences = size;
      options.prompt_tokens = 10 * size;
      const auto together = Generator(model, options).Run(requests);
      for (size_t i = 0; i < requests.size(); ++i) {
        EXPECT_EQ(together[i].tokens, alone[i].tokens) << "request " << i << ", batch " << size;
        EXPECT_EQ(together[i].finish, alone[i].finish);
      }
    }
  }
}

TEST(Generator, ASmallBudgetForCachesChangesNoResult) {
  const Llama model = MakeModel(2);
  const std::vector<TokenRequest> requests = Requests(0);
  GeneratorOptions options;
  options.cache_bytes = KvCache::Bytes(model.config(), 70, at::kFloat);
  const auto expected = Generator(model).Run(requests);
  const auto results = Generator(model, options).Run(requests);
  for (size_t i = 0; i < requests.size(); ++i) EXPECT_EQ(results[i].tokens, expected[i].tokens);
}

TEST(Generator, WhenMemoryRunsOutFewerRunTogether) {
  const Llama model = MakeModel(2);
  const std::vector<TokenRequest> requests = Requests(1.0);
  const auto expected = Generator(model).Run(requests);
  for (const size_t tokens : {18, 40, 90}) {    // generated before, by all sequences together
    for (const int64_t after : {1, 10, 100}) {  // in what follows: a step, or more prompts
      int64_t left = 0;
      const testing::FailingAllocator allocator([&](size_t) { return --left == 0; });
      std::map<size_t, size_t> seen;
      size_t all = 0;
      const auto results = Generator(model).Run(requests, [&](size_t i, int32_t) {
        if (++all == tokens) left = after;
        return ++seen[i] > 0;
      });
      for (size_t i = 0; i < requests.size(); ++i) {
        EXPECT_EQ(results[i].tokens, expected[i].tokens) << tokens << " " << after;
        EXPECT_EQ(seen[i], expected[i].tokens.size());
      }
    }
  }
  int64_t left = 1;
  const testing::FailingAllocator allocator([&](size_t) { return --left == 0; });
  EXPECT_THROW(Generator(model).Run({requests[0]}), WorkError);
}

TEST(Generator, EndTokensAndCallbacksEndAContinuation) {
  const std::vector<TokenRequest> requests = Requests(1.0);
  const auto endless = Generator(MakeModel(2)).Run(requests);
  const int32_t end = endless[5].tokens[2];
  const Llama model = MakeModel(2, {end});
  std::map<size_t, std::vector<int32_t>> seen;
  std::map<size_t, int> finished;
  const auto results = Generator(model).Run(
      requests,
      [&](size_t i, int32_t token) {
        seen[i].push_back(token);
        return i != 9 || seen[i].size() < 2;
      },
      [&](size_t i, const TokenResult&) { ++finished[i]; });
  for (size_t i = 0; i < requests.size(); ++i) {
    std::vector<int32_t> expected = endless[i].tokens;
    const auto found = std::find(expected.begin(), expected.end(), end);
    Finish finish = found == expected.end() ? Finish::kLimit : Finish::kEndToken;
    expected.erase(found, expected.end());
    if (i == 9 && expected.size() >= 2) {
      expected.resize(2);
      finish = Finish::kCallback;
    }
    EXPECT_EQ(results[i].tokens, expected) << i;
    EXPECT_EQ(results[i].finish, finish) << i;
    EXPECT_EQ(seen[i], expected);
    EXPECT_EQ(finished[i], 1);
  }
  EXPECT_EQ(results[5].finish, Finish::kEndToken);
}

TEST(Generator, StopsAtTheEndOfTheContext) {
  const Llama model = MakeModel(2);
  SamplingOptions sampling;
  sampling.max_new_tokens = 1000;
  const auto result = Generator(model).Run({{RandomIds(kContext - 3, 1), sampling}})[0];
  EXPECT_EQ(result.tokens.size(), 4u);  // the last is not fed any more
  EXPECT_EQ(result.finish, Finish::kContext);
  EXPECT_EQ(Generator(model).Run({{RandomIds(kContext, 1), sampling}})[0].tokens.size(), 1u);
  EXPECT_THROW(Generator(model).Run({{RandomIds(kContext + 1, 1), sampling}}), InputError);
}

TEST(Generator, TheNextTurnOfAChatContinuesFromTheLast) {
  const Llama model = MakeModel(2);
  SamplingOptions sampling;
  sampling.max_new_tokens = 6;
  Generator generator(model);
  std::vector<int32_t> history;
  for (uint64_t turn = 0; turn < 3; ++turn) {
    const std::vector<int32_t> question = RandomIds(11, turn);
    history.insert(history.end(), question.begin(), question.end());
    const auto answer = generator.Run({{history, sampling}})[0].tokens;
    EXPECT_EQ(answer, Generator(model).Run({{history, sampling}})[0].tokens);
    history.insert(history.end(), answer.begin(), answer.end());
  }
}

}  // namespace
}  // namespace meap
