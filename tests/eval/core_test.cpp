#include <gmock/gmock.h>

#include <cmath>
#include <fstream>

#include "eval/registry.h"
#include "eval/request_cache.h"
#include "tests/eval/eval_support.h"
#include "tests/support.h"

namespace meap {
namespace {

using ::meap::testing::ByteView;
using ::meap::testing::ErrorOf;
using ::meap::testing::PseudoScorer;
using ::testing::HasSubstr;

std::vector<Request> SomeRequests(int count) {
  std::vector<Request> requests;
  for (int32_t i = 0; i < count; ++i) {
    requests.push_back({.context = {1, i}, .continuation = {2}});
  }
  return requests;
}

Response Numbered(const Request& request) {
  return {.logprob = -0.1 * request.context[1], .tokens = 1, .text = "\u00e9\n"};
}

TEST(RequestCache, AStoppedRunGoesOnAndGivesTheSame) {
  const testing::TempDir dir;
  const std::vector<Request> requests = SomeRequests(20);
  size_t until = 9;
  {
    RequestCache cache(dir / "cache.jsonl");
    PseudoScorer dies([&](const Request& request) {
      if (until-- == 0) throw std::runtime_error("killed");
      return Numbered(request);
    });
    RunCounts counts;
    EXPECT_THROW(RunRequests(dies, requests, "t", &cache, "m", counts), std::runtime_error);
  }
  // A process that died within a write leaves half a line.
  std::ofstream(dir / "cache.jsonl", std::ios::app) << R"({"key": "0123)";
  RequestCache cache(dir / "cache.jsonl");
  PseudoScorer scorer(Numbered);
  RunCounts counts;
  const auto responses = RunRequests(scorer, requests, "t", &cache, "m", counts);
  EXPECT_EQ(counts.cached, 7U);  // one batch was finished
  EXPECT_EQ(counts.computed, 13U);
  EXPECT_EQ(scorer.asked, 13U);
  for (size_t i = 0; i < requests.size(); ++i) EXPECT_EQ(responses[i], Numbered(requests[i]));
  const std::string text = ReadFile(dir / "cache.jsonl", "test");
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 20);
}

TEST(RequestCache, AnotherVersionOfTheScorerAnswersAnew) {
  const Request request{.context = {1, 2}, .continuation = {3}};
  EXPECT_EQ(RequestKey(request, "m"), RequestKey(request, "m", kScorerVersion));
  EXPECT_NE(RequestKey(request, "m"), RequestKey(request, "m", kScorerVersion + 1));
}

TEST(RequestCache, AnotherModelOrRequestIsNotFound) {
  const Request request{.context = {1, 2}, .continuation = {3}};
  Request moved = request;
  moved.context = {1};
  moved.continuation = {2, 3};
  EXPECT_NE(RequestKey(request, "a"), RequestKey(request, "b"));
  EXPECT_NE(RequestKey(request, "a"), RequestKey(moved, "a"));
  Request generate = request;
  generate.kind = Request::Kind::kGenerate;
  EXPECT_NE(RequestKey(request, "a"), RequestKey(generate, "a"));
}

TEST(RequestCache, ResponsesComeBackBitForBit) {
  const testing::TempDir dir;
  const Response response{
      .logprob = -1.0 / 3, .tokens = 7, .positions = {{}, {-0.1, 3}}, .text = "a \u4f60\n\"b\""};
  RequestCache(dir / "c").Append(std::vector{std::pair{std::string("k"), response}});
  const RequestCache cache(dir / "c");
  ASSERT_NE(cache.Find("k"), nullptr);
  EXPECT_EQ(*cache.Find("k"), response);
}

TEST(TaskRegistry, UnknownNamesAndGroups) {
  const TaskRegistry registry;
  EXPECT_THAT(ErrorOf([&] { registry.Choose({"hellaswog"}); }).hint, HasSubstr("hellaswag"));
  EXPECT_THAT(ErrorOf([&] { registry.Choose({"comonsense"}); }).hint, HasSubstr("commonsense"));
  EXPECT_EQ(registry.Choose({"commonsense", "piqa"}).size(), 7U);
}

/// A folder with data and a task file, and the task of it.
class TaskFileTest : public ::testing::Test {
 protected:
  std::unique_ptr<EvalTask> Task(const std::string& yaml, const std::string& data) {
    std::ofstream(dir_ / "task.yaml") << yaml;
    std::ofstream(dir_ / "items.jsonl") << data;
    TaskRegistry registry;
    registry.AddFiles(dir_ / "task.yaml");
    return std::move(registry.Choose({"mine"})[0].task);
  }
  TaskOutcome Run(const EvalTask& task, const PseudoScorer::Answer& answer,
                  const ModelView& view = ByteView(), EvalInputs inputs = {}) {
    inputs.data = dir_.path();
    plan_ = task.Plan(inputs, view);
    PseudoScorer scorer(answer);
    RunCounts counts;
    return plan_.finish(RunRequests(scorer, plan_.requests, "t", nullptr, "m", counts));
  }

  testing::TempDir dir_;
  TaskPlan plan_;
};

constexpr const char* kChoices =
    "name: mine\nkind: multiple_choice\ndata: items\ncontext: \"Q: {q}\"\nchoices_field: c\n"
    "gold: g\nmetrics: [acc, acc_bytes]\n";

TEST_F(TaskFileTest, ChoicesWithFewShotExamples) {
  const auto task = Task(kChoices, R"({"q": "x ", "c": ["no", "yes"], "g": 1})"
                                   "\n");
  std::ofstream(dir_ / "shots.jsonl") << R"({"q": "e", "c": ["a", "b"], "g": 0})"
                                      << "\n";
  const EvalInputs inputs{.few_shot_files = {{"mine", dir_ / "shots.jsonl"}}};
  const auto outcome = Run(
      *task,
      [](const Request& request) {
        return Response{.logprob = testing::Text(request.continuation) == "  yes" ? -1.0 : -2.0};
      },
      ByteView(), inputs);
  EXPECT_EQ(testing::Text(plan_.requests[1].context), "Q: e a\n\nQ: x");
  EXPECT_EQ(outcome.summary.results.at("acc"), 1.0);
  EXPECT_TRUE(outcome.summary.results.at("acc_stderr").is_null());
  EXPECT_EQ(outcome.samples[0].extra.at("prediction"), 1);
  EXPECT_EQ(plan_.settings.at("num_fewshot"), 1U);
  EXPECT_THAT(ErrorOf([&] { Run(*task, {}, ByteView(), {.num_few_shot = 2}); }).expected,
              HasSubstr("--fewshot mine="));
  EvalInputs none = inputs;
  none.num_few_shot = 0;  // none of the file's
  Run(
      *task, [](const Request&) { return Response{}; }, ByteView(), none);
  EXPECT_EQ(testing::Text(plan_.requests[1].context), "Q: x");
  EXPECT_EQ(plan_.settings.value("num_fewshot", 0), 0);
}

TEST(FewShotNames, WhatTakesNoExamplesIsRefused) {
  const TaskRegistry registry;
  const auto tasks = registry.Choose({"hellaswag", "piqa", "kv75"});
  const auto check = [&](const std::string& name) {
    return ErrorOf([&] { CheckFewShotNames(tasks, {.few_shot_files = {{name, "f.jsonl"}}}); });
  };
  CheckFewShotNames(tasks, {.few_shot_files = {{"piqa", "f.jsonl"}, {"hellaswag", "f.jsonl"}}});
  EXPECT_THAT(check("hellaswog").where, HasSubstr("--fewshot hellaswog=f.jsonl"));
  EXPECT_THAT(check("hellaswog").hint, HasSubstr("hellaswag"));
  EXPECT_THAT(check("kv75").got, HasSubstr("no multiple choice"));
  EXPECT_THAT(check("boolq").got, HasSubstr("not among --tasks"));
}

TEST_F(TaskFileTest, TruncatedChoicesAreCounted) {
  const auto task = Task(kChoices, R"({"q": "0123456789", "c": ["no", "yes"], "g": 1})"
                                   "\n");
  const auto outcome = Run(
      *task, [](const Request&) { return Response{}; }, ByteView(14));
  EXPECT_EQ(outcome.summary.counts.at("truncated"), 1U);  // "Q: 0123456789 yes" has 17 bytes
  EXPECT_EQ(outcome.summary.n, 1U);
}

constexpr const char* kAnswers =
    "name: mine\nkind: generation\ndata: items\nprompt: \"{text}? A:\"\nanswers: a\n"
    "max_new_tokens: 10\nstop: \"\\n\"\nmetrics: [exact_match, contains]\nbreakdown: [part]\n";

TEST_F(TaskFileTest, AnswersAreCutAtTheStopAndGrouped) {
  const auto task = Task(kAnswers, R"({"text": "t", "a": ["x", "The Answer."], "part": 1})"
                                   "\n"
                                   R"({"text": "u", "a": "nothing", "part": 2})"
                                   "\n");
  const auto outcome =
      Run(*task, [](const Request&) { return Response{.text = "\nanswer\nmore"}; });
  EXPECT_EQ(outcome.samples[0].extra.at("response"), "answer");
  EXPECT_EQ(outcome.summary.results.at("exact_match"), 0.5);
  EXPECT_EQ(outcome.summary.breakdowns[0].at("cells").size(), 2U);
}

constexpr const char* kLong = "{\"text\": \"0123456789abcdefghij\", \"a\": \"x\", \"part\": 1}\n";

Response SayX(const Request&) { return {.text = "x"}; }

TEST_F(TaskFileTest, PromptsThatLeaveNoRoomForAnAnswerAreSkipped) {
  const auto skipped = Run(*Task(kAnswers, kLong), SayX, ByteView(24));  // the prompt has 24 bytes
  EXPECT_EQ(skipped.summary.counts.at("skipped"), 1U);
  EXPECT_EQ(skipped.summary.counts.at("answer_capped"), 0);
  EXPECT_EQ(skipped.summary.n, 0U);
  EXPECT_THAT(skipped.samples[0].skipped, HasSubstr("24 tokens"));
  EXPECT_EQ(SkippedText(skipped.samples),
            "0 of 1 scored, 1 skipped: the prompt is longer than the model's context");
}

TEST_F(TaskFileTest, AnAnswerGetsWhatThePromptLeaves) {
  for (const int64_t left : {1, 6, 9, 10}) {
    const auto capped = Run(*Task(kAnswers, kLong), SayX, ByteView(24 + left));
    EXPECT_EQ(capped.summary.counts.at("skipped"), 0U);
    EXPECT_EQ(capped.summary.counts.at("answer_capped"), left < 10 ? 1 : 0);
    EXPECT_EQ(capped.samples[0].extra.contains("max_new_tokens"), left < 10);
    EXPECT_EQ(plan_.requests.at(0).max_new_tokens, left);
    EXPECT_EQ(plan_.settings.at("max_new_tokens"), 10);
    EXPECT_EQ(capped.summary.n, 1U);
  }
}

TEST_F(TaskFileTest, DocumentsGiveWayToTheAnswer) {
  const auto shortened =
      Run(*Task(std::string(kAnswers) + "shorten: text\n", kLong), SayX, ByteView(30));
  EXPECT_EQ(shortened.summary.counts.at("shortened"), 1);
  EXPECT_EQ(shortened.summary.counts.at("answer_capped"), 0);
  EXPECT_EQ(testing::Text(plan_.requests[0].context), "01234567cdefghij? A:");
  EXPECT_EQ(plan_.requests[0].max_new_tokens, 10);
}

TEST(Mdqa, PromptsAbove4096TokensAreSkipped) {
  const testing::TempDir dir;
  fs::create_directories(dir / "mdqa");
  const std::string prompt = "Question: " + std::string(4078, 'q') + "\nAnswer:";
  ASSERT_EQ(prompt.size(), 4096U);
  std::ofstream lines(dir / "mdqa/questions.jsonl");
  for (const char* more : {"", "q"}) {
    lines << R"({"qid": "1", "answers": ["x"], "question": ")" << std::string(4078, 'q') << more
          << "\"}\n";
  }
  lines.close();
  const TaskRegistry registry;
  const auto task = std::move(registry.Choose({"mdqa_closed_book"})[0].task);
  const TaskPlan plan = task->Plan({.data = dir.path()}, ByteView(1 << 15));
  ASSERT_EQ(plan.requests.size(), 1U);  // the limit is the task's, however long the context
  EXPECT_EQ(testing::Text(plan.requests[0].context), prompt);
  EXPECT_EQ(plan.requests[0].max_new_tokens, 100);
  const TaskOutcome outcome = plan.finish(std::vector<Response>{{.text = "x"}});
  EXPECT_EQ(SkippedText(outcome.samples),
            "1 of 2 scored, 1 skipped: the prompt is longer than the task's limit");
}

/// A view whose chats are written "ROLE:CONTENT|" for each turn.
ModelView ChatView() {
  ModelView view = ByteView();
  view.encode_chat = [codec = view.codec](std::span<const ChatTurn> turns) {
    RenderedPrompt prompt;
    for (const ChatTurn& turn : turns) prompt.text += turn.role + ":" + turn.content + "|";
    prompt.tokens = codec.encode(prompt.text);
    return prompt;
  };
  view.chat_template = "mine";
  view.end_tokens = {'|'};
  return view;
}

TEST_F(TaskFileTest, PromptHashesAreOfWhatWasAsked) {
  const auto task = Task(kAnswers, R"({"text": "t", "a": "x", "part": 1})"
                                   "\n");
  const auto base = Run(*task, SayX);
  EXPECT_EQ(base.samples[0].prompt_hash, PromptHash("t? A:"));
  EXPECT_EQ(plan_.settings.at("prompt"), "base");
  const auto chat = Run(*task, SayX, ChatView());
  EXPECT_EQ(chat.samples[0].prompt_hash, PromptHash("user:t? A:|"));
  EXPECT_EQ(plan_.settings.at("prompt"), "chat template");
  EXPECT_EQ(plan_.settings.at("chat_template"), "mine");
  EXPECT_EQ(plan_.requests[0].end_tokens, (std::vector<int32_t>{'|'}));
  EXPECT_NE(chat.summary.prompt_hash, base.summary.prompt_hash);
}

TEST(NeedleCompletion, IsBareTextForTunedModelsToo) {
  const testing::TempDir dir;
  fs::create_directories(dir / "niah/essays");
  std::ofstream(dir / "niah/essays/a.txt") << "First essay. It has some words. ";
  const TaskRegistry registry;
  const EvalInputs inputs{.data = dir.path(), .limit = 1};
  const TaskPlan bare = registry.Choose({"needle_completion"})[0].task->Plan(inputs, ChatView());
  ASSERT_EQ(bare.requests.size(), 1U);
  EXPECT_THAT(testing::Text(bare.requests[0].context),
              ::testing::EndsWith("\n\nThe best thing to do in San Francisco is"));
  EXPECT_EQ(bare.requests[0].max_new_tokens, 64);
  EXPECT_TRUE(bare.requests[0].end_tokens.empty());
  EXPECT_EQ(bare.settings.at("prompt"), "base");
  EXPECT_FALSE(bare.settings.contains("chat_template"));
  const TaskPlan asked = registry.Choose({"needle_35x35"})[0].task->Plan(inputs, ChatView());
  EXPECT_THAT(testing::Text(asked.requests.at(0).context), ::testing::StartsWith("system:You are"));
  EXPECT_EQ(asked.requests[0].max_new_tokens, 300);
}

TEST_F(TaskFileTest, MistakesNameTheirPlace) {
  const auto where = [&](const std::string& yaml) { return ErrorOf([&] { Task(yaml, ""); }); };
  const std::string choices = kChoices;
  EXPECT_THAT(where(choices + "contxt: x\n").where, HasSubstr("task.yaml:8"));
  EXPECT_THAT(where(choices + "contxt: x\n").hint, HasSubstr("context"));
  EXPECT_THAT(where(choices + "prompt: x\n").where, HasSubstr("task.yaml:8"));
  EXPECT_THAT(where(choices + "choices: [\"{a\"]\n").what, HasSubstr("choices"));
  EXPECT_THAT(where("name: mine\nkind: generation\ndata: x\nanswers: a\nprompt: \"{a\"\n").where,
              HasSubstr("task.yaml:5"));
  EXPECT_THAT(where("name: mine\nkind: choice\n").where, HasSubstr("task.yaml:2"));
  EXPECT_THAT(where("name: mine\nkind: generation\ndata: x\n").what, HasSubstr("prompt"));
  EXPECT_THAT(where("name: [\n").what, HasSubstr("YAML"));
  std::string bad = kAnswers;
  bad.replace(bad.find("exact_match"), 11, "exactmatch");
  EXPECT_THAT(where(bad).hint, HasSubstr("exact_match"));
  EXPECT_THAT(where("name: piqa\nkind: generation\ndata: x\nprompt: p\nanswers: a\n").what,
              HasSubstr("piqa"));
  const auto data = [&](const std::string& line) {
    const auto task = Task(kChoices, "{\"q\": \"x\", \"c\": [\"a\"], \"g\": 0}\n" + line + "\n");
    return ErrorOf([&] { Run(*task, {}); }).where;
  };
  EXPECT_THAT(data("{\"q\": \"x\"}"), HasSubstr("items.jsonl:2, field \"c\""));
  EXPECT_THAT(data("[]"), HasSubstr("items.jsonl:2"));
}

TEST(Perplexity, SumsOverWindowsAndPositions) {
  const testing::TempDir dir;
  std::ofstream(dir / "a.jsonl") << R"({"text": "ab cde"})"
                                 << "\n"
                                 << R"({"text": "x"})"
                                 << "\n";
  const TaskRegistry registry;
  const auto task = std::move(registry.Choose({"perplexity"})[0].task);
  const TaskPlan plan = task->Plan({.texts = {dir / "a.jsonl"}}, ByteView(4));
  ASSERT_EQ(plan.requests.size(), 3U);
  // Four tokens fed: the prefix and "ab "; then what is left with all the context that fits.
  EXPECT_EQ(plan.requests[0].context, (std::vector<int32_t>{0}));
  EXPECT_EQ(testing::Text(plan.requests[0].continuation), "ab c");
  EXPECT_EQ(testing::Text(plan.requests[1].context), "b c");
  EXPECT_EQ(testing::Text(plan.requests[1].continuation), "de");
  std::vector<Response> responses = {{.logprob = -4, .tokens = 4, .positions = {{-1, 1}, {-3, 3}}},
                                     {.logprob = -3, .tokens = 2, .positions = {{}, {-3, 2}}},
                                     {.logprob = -1, .tokens = 1, .positions = {{-1, 1}}}};
  const TaskOutcome outcome = plan.finish(responses);
  const auto& results = outcome.summary.results;
  EXPECT_DOUBLE_EQ(results.at("nll").get<double>(), 8.0 / 7);
  EXPECT_DOUBLE_EQ(results.at("bits_per_byte").get<double>(), 8.0 / 7 / std::log(2.0));
  EXPECT_DOUBLE_EQ(results.at("word_perplexity").get<double>(), std::exp(8.0 / 3));
  const auto& cells = outcome.summary.breakdowns[0].at("cells");
  EXPECT_EQ(cells[1].at("position"), 2);
  EXPECT_DOUBLE_EQ(cells[1].at("nll").get<double>(), 6.0 / 5);
  EXPECT_EQ(outcome.samples.size(), 2U);
}

}  // namespace
}  // namespace meap
