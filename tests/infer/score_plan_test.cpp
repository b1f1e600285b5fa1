#include "infer/score_plan.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <new>

#include "infer/out_of_memory.h"
#include "infer/score.h"
#include "infer/text_encoder.h"
#include "model/presets.h"
#include "tests/support.h"

namespace meap {
namespace {

/// Requests of a few tokens out of few, so that many begin alike.
std::vector<ScoreRequest> ArbitraryRequests() {
  const auto ids = [](int least, int most) {
    return rc::gen::container<std::vector<int32_t>>(*rc::gen::inRange(least, most),
                                                    rc::gen::inRange<int32_t>(0, 3));
  };
  std::vector<ScoreRequest> requests;
  const int count = *rc::gen::inRange(1, 12);
  for (int i = 0; i < count; ++i) requests.push_back({*ids(1, 9), *ids(1, 4)});
  return requests;
}

RC_GTEST_PROP(ScorePlan, EveryRequestIsFedAndJudgedWhole, ()) {
  const auto requests = ArbitraryRequests();
  const int64_t max_length = *rc::gen::inRange<int64_t>(2, 14);
  const int64_t batch_tokens = *rc::gen::inRange<int64_t>(1, 40);
  std::vector<int> seen(requests.size());
  for (const ScoreBatch& batch : PlanScoreBatches(requests, max_length, batch_tokens)) {
    int64_t tokens = 0;
    for (const ScoreTree& tree : batch) {
      tokens += tree.tokens();
      RC_ASSERT(!tree.trunk.empty());
      for (const ScoreBranch& branch : tree.branches) {
        ++seen[branch.request];
        std::vector<int32_t> all = requests[branch.request].context;
        const auto& continuation = requests[branch.request].continuation;
        all.insert(all.end(), continuation.begin(), continuation.end());
        std::vector<int32_t> fed = tree.trunk;
        fed.insert(fed.end(), branch.tokens.begin(), branch.tokens.end());
        RC_ASSERT(static_cast<int64_t>(fed.size()) ==
                  std::min<int64_t>(max_length, static_cast<int64_t>(all.size()) - 1));
        RC_ASSERT(std::equal(fed.rbegin(), fed.rend(), all.rbegin() + 1));
        RC_ASSERT(branch.targets.size() == std::min(continuation.size(), fed.size()));
        RC_ASSERT(std::equal(branch.targets.rbegin(), branch.targets.rend(), all.rbegin()));
      }
    }
    RC_ASSERT(batch.size() == 1 || tokens <= batch_tokens);
  }
  RC_ASSERT(seen == std::vector<int>(requests.size(), 1));
}

TEST(ScorePlan, ChoicesOfOneItemShareTheirContext) {
  std::vector<ScoreRequest> requests;
  for (int32_t item = 0; item < 3; ++item) {
    for (int32_t choice = 0; choice < 4; ++choice) {
      requests.push_back({std::vector<int32_t>(20, item), {choice, choice, 9}});
    }
  }
  const auto batches = PlanScoreBatches(requests, 100, 1000);
  ASSERT_EQ(batches.size(), 1U);
  ASSERT_EQ(batches[0].size(), 3U);
  EXPECT_EQ(batches[0][0].tokens(), 20 + 4 * 2);
}

TEST(ScorePlan, ARequestWithoutAContinuationIsNotComputed) {
  const std::vector<ScoreRequest> requests = {{{1}, {}}, {{1, 2}, {3}}, {{1, 2}, {}}};
  const auto batches = PlanScoreBatches(requests, 100, 1000);
  ASSERT_EQ(batches.size(), 1U);
  ASSERT_EQ(batches[0].size(), 1U);
  ASSERT_EQ(batches[0][0].branches.size(), 1U);
  EXPECT_EQ(batches[0][0].branches[0].request, 1U);
}

TEST(ScorePlan, WhatIsCut) {
  const ScoreRequest request{{1, 2}, {3, 4}};
  EXPECT_FALSE(IsTruncated(request, 3));
  EXPECT_TRUE(IsTruncated(request, 2));
  EXPECT_FALSE(IsContinuationTruncated(request, 2));
  EXPECT_TRUE(IsContinuationTruncated(request, 1));
}

TEST(ScorePlan, AllItemsShareALongPrefix) {
  std::vector<ScoreRequest> requests;
  for (int32_t item = 0; item < 50; ++item) {
    std::vector<int32_t> context(300, 7);
    context.insert(context.end(), {item, item, item});
    for (int32_t choice = 0; choice < 2; ++choice) requests.push_back({context, {choice, 1}});
  }
  const auto batches = PlanScoreBatches(requests, 1000, 4096);
  int64_t tokens = 0;
  for (const auto& batch : batches) {
    for (const auto& tree : batch) tokens += tree.tokens();
  }
  EXPECT_LT(tokens, 2 * 300 + 100 * 4);
}

Llama TinyModel() {
  ModelOptions options;
  options.preset = "tiny";
  options.num_attention_heads = 4;
  options.num_key_value_heads = 2;
  Llama model(ConfigFromOptions(options, 50, 64), at::kFloat, at::kCPU);
  model.Initialize(3);
  return model;
}

/// The model on one whole sequence, without batch or tree.
double PlainScore(const Llama& model, const ScoreRequest& request) {
  const at::NoGradGuard no_grad;
  std::vector<int64_t> ids(request.context.begin(), request.context.end());
  ids.insert(ids.end(), request.continuation.begin(), request.continuation.end());
  const auto length = static_cast<int64_t>(ids.size()) - 1;
  PackedAttender attender(Segments{{0, length}});
  const at::Tensor tokens = at::tensor(ids);
  const at::Tensor logprobs =
      model.Logits(model.Forward(tokens.narrow(0, 0, length), at::arange(length), attender))
          .log_softmax(-1);
  double sum = 0;
  for (auto t = static_cast<int64_t>(request.context.size()) - 1; t < length; ++t) {
    sum += logprobs.index({t, ids[static_cast<size_t>(t) + 1]}).item<double>();
  }
  return sum;
}

TEST(Score, TreesGiveWhatWholeSequencesGive) {
  const Llama model = TinyModel();
  std::vector<ScoreRequest> requests;
  for (int32_t item = 0; item < 6; ++item) {
    std::vector<int32_t> context;
    for (int32_t t = 0; t < 8 + 3 * item; ++t) context.push_back((7 * item + t) % 50);
    for (int32_t choice = 0; choice < 5; ++choice) {
      std::vector<int32_t> continuation = {item, 11};  // the first of them are common as well
      for (int32_t t = 0; t < choice * 3; ++t) continuation.push_back((choice + t) % 50);
      requests.push_back({context, continuation});
    }
  }
  for (const int64_t batch_tokens : {1, 64, 4096}) {
    const auto results = Score(model, requests, batch_tokens);
    for (size_t i = 0; i < requests.size(); ++i) {
      EXPECT_NEAR(results[i].logprob, PlainScore(model, requests[i]), 2e-5) << i;
      EXPECT_EQ(results[i].tokens, static_cast<int64_t>(requests[i].continuation.size()));
    }
  }
}

TEST(RunHalving, HalvesUntilItFits) {
  std::vector<size_t> sizes;
  RunHalving(10, [&](size_t begin, size_t end) {
    if (end - begin > 3) throw std::bad_alloc();
    sizes.push_back(end - begin);
  });
  EXPECT_EQ(sizes, (std::vector<size_t>{2, 3, 2, 3}));
  const auto never = [](size_t, size_t) { throw std::bad_alloc(); };
  EXPECT_NE(testing::ErrorOf([&] { RunHalving(2, never); }, ExitCode::kFailed).hint, "");
  EXPECT_THROW(RunHalving(2, [](size_t, size_t) { throw std::runtime_error("other"); }),
               std::runtime_error);
}

TEST(RunHalving, KnowsLibtorchsOwnFailure) {
  size_t runs = 0;
  const auto huge = [&](size_t, size_t) {
    ++runs;
    at::empty({int64_t{1} << 55}, at::kByte);
  };
  testing::ErrorOf([&] { RunHalving(2, huge); }, ExitCode::kFailed);
  EXPECT_EQ(runs, 2U);
}

}  // namespace
}  // namespace meap
