// The pseudo-model run of the golden files, through the whole core.
#include <gtest/gtest.h>

#include <set>

#include "eval/registry.h"
#include "tests/eval/eval_support.h"
#include "tests/support.h"

namespace meap {
namespace {

using Json = nlohmann::json;
using ::meap::testing::PseudoScorer;

/// The made-up model of pseudo_model_scores.json.
Response PseudoLogLikelihood(const Request& request) {
  uint64_t sum = 0;
  for (const int32_t byte : request.context) sum += static_cast<uint64_t>(byte);
  uint64_t total = 0;  // of integers: ties must stay ties
  for (size_t i = 0; i < request.continuation.size(); ++i) {
    const auto byte = static_cast<uint64_t>(request.continuation[i]);
    total += (byte * 31 + i * 17 + sum % 97) % 97 + 1;
  }
  return {.logprob = -static_cast<double>(total) / 97.0};
}

TaskOutcome RunTask(const EvalTask& task, PseudoScorer::Answer answer, size_t limit = 0) {
  const TaskPlan plan = task.Plan({.data = testing::SharedRoot() / "data" / "eval", .limit = limit},
                                  testing::ByteView());
  PseudoScorer scorer(std::move(answer));
  RunCounts counts;
  return plan.finish(RunRequests(scorer, plan.requests, "pseudo", nullptr, "pseudo", counts));
}

Json Golden() {
  const auto file = testing::SharedRoot() / "specs/evaluation_golden/pseudo_model_scores.json";
  return Json::parse(ReadFile(file, "test"));
}

TEST(PseudoModel, CommonsenseGolden) {
  MEAP_NEEDS_SHARED();
  const TaskRegistry registry;
  std::set<std::string> covered;
  const Json golden = Golden();
  for (const auto& expected : golden.at("commonsense")) {
    // The standard split of each task; the validation splits of others are in evaltext's test.
    const std::string file = fs::path(expected.at("file").get<std::string>()).filename().string();
    const std::string name = file.substr(0, file.find('.'));
    const auto chosen = registry.Choose({name});
    if (chosen[0].task->info().data.find(file.substr(0, file.find(".jsonl"))) ==
        std::string::npos) {
      continue;
    }
    covered.insert(name);
    const TaskSummary summary = RunTask(*chosen[0].task, PseudoLogLikelihood).summary;
    EXPECT_EQ(summary.n, expected.at("n"));
    for (const char* metric : {"acc", "acc_stderr", "acc_norm", "acc_norm_stderr"}) {
      if (!summary.results.contains(metric)) continue;
      EXPECT_NEAR(summary.results.at(metric).get<double>(), expected.at(metric).get<double>(),
                  1e-12)
          << file << " " << metric;
    }
  }
  EXPECT_EQ(covered.size(), 7U);
}

TEST(PseudoModel, RepeatingThePromptGetsEveryKeyAndScoresSomeFacts) {
  MEAP_NEEDS_SHARED();
  const auto repeat = [](const Request& request) {
    return Response{.text = testing::Text(request.context)};
  };
  const TaskRegistry registry;
  const TaskOutcome keys = RunTask(*registry.Choose({"kv75"})[0].task, repeat, 2);
  EXPECT_EQ(keys.summary.n, 8U);  // two items at four positions
  EXPECT_EQ(keys.summary.results.at("contains"), 1.0);
  EXPECT_EQ(keys.summary.breakdowns[0].at("cells").size(), 4U);
  const TaskOutcome needle = RunTask(*registry.Choose({"needle"})[0].task, repeat, 40);
  EXPECT_EQ(needle.summary.results.at("hit"), 1.0);
  // A byte is a token here: the instruction around the longest context is longer than its buffer.
  EXPECT_GT(needle.summary.counts.at("skipped"), 0U);
}

}  // namespace
}  // namespace meap
