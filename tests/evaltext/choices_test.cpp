#include "evaltext/choices.h"

#include <gmock/gmock.h>

#include <fstream>
#include <numeric>

#include "evaltext/python_text.h"
#include "evaltext/statistics.h"
#include "evaltext/task_file.h"
#include "tests/evaltext/golden_support.h"

namespace meap {
namespace {

using ::meap::testing::ErrorOf;
using ::testing::HasSubstr;

const ChoiceTemplate& TaskNamed(const std::string& name) {
  for (const TaskDescription& task : BuiltInTasks()) {
    if (task.name() == name) return std::get<ChoiceTemplate>(task.task);
  }
  throw std::runtime_error("no task " + name);
}

DataItem Item(const std::string& json) {
  return {nlohmann::ordered_json::parse(json), "file.jsonl", 7};
}

TEST(ChoicesTest, BreakdownFieldsBecomeTheGroup) {
  const ChoiceItem item = BuildChoiceItem(
      TaskNamed("retrieval"),
      Item(R"({"context": "c", "question": "q", "choices": ["a", "b"], "answer": "b",)"
           R"( "depth": 75, "facts": 3})"));
  EXPECT_EQ(item.group.dump(), R"({"facts":3,"depth":75})");
  EXPECT_EQ(item.gold, 1u);
  const ErrorParts error = ErrorOf([] {
    BuildChoiceItem(TaskNamed("retrieval"),
                    Item(R"({"context": "c", "question": "q", "choices": ["a"], "answer": "a"})"));
  });
  EXPECT_THAT(error.what + error.where + error.expected, HasSubstr("facts"));
}

TEST(ChoicesTest, RequestsGolden) {
  MEAP_NEEDS_SHARED();
  for (const DataItem& line : testing::Golden("lm_eval_requests.jsonl")) {
    const auto items = ReadDataItems(testing::SharedRoot() / line.Text("file"));
    const ChoiceItem item = BuildChoiceItem(TaskNamed(line.Text("task")),
                                            items[static_cast<size_t>(line.Integer("line"))]);
    const auto& requests = line.object().at("requests");
    ASSERT_EQ(item.contexts.size(), requests.size()) << line.place();
    for (size_t i = 0; i < requests.size(); ++i) {
      EXPECT_EQ(item.contexts[i], requests[i][0]) << line.place();
      EXPECT_EQ(item.continuations[i], requests[i][1]) << line.place();
      EXPECT_EQ(CountCodePoints(item.choices[i]), line.object().at("len_codepoints")[i]);
      EXPECT_EQ(item.choices[i].size(), line.object().at("len_bytes")[i]);
    }
    EXPECT_EQ(static_cast<int64_t>(item.gold), line.Integer("gold")) << line.place();
  }
}

TEST(ChoicesTest, HellaSwagCleaningGolden) {
  MEAP_NEEDS_SHARED();
  for (const DataItem& line : testing::Golden("hellaswag_preprocess.jsonl")) {
    const DataItem raw(line.object().at("raw"), "golden", 1);
    const ChoiceItem item = BuildChoiceItem(TaskNamed("hellaswag"), raw);
    EXPECT_EQ(item.contexts[0], line.Text("query"));
    EXPECT_EQ(item.choices, line.Texts("choices"));
    EXPECT_EQ(static_cast<int64_t>(item.gold), line.Integer("gold"));
  }
}

// The made-up model of pseudo_model_scores.json.
double PseudoLogLikelihood(const std::string& context, const std::string& continuation) {
  uint64_t sum = 0;
  for (const char c : context) sum += static_cast<uint8_t>(c);
  uint64_t total = 0;  // of integers: ties must stay ties
  for (size_t i = 0; i < continuation.size(); ++i) {
    const uint64_t byte = static_cast<uint8_t>(continuation[i]);
    total += (byte * 31 + i * 17 + sum % 97) % 97 + 1;
  }
  return -static_cast<double>(total) / 97.0;
}

TEST(ChoicesTest, PseudoModelGolden) {
  MEAP_NEEDS_SHARED();
  const auto golden = nlohmann::json::parse(
      ReadFile(testing::SharedRoot() / "specs/evaluation_golden/pseudo_model_scores.json", "test"));
  for (const auto& expected : golden.at("commonsense")) {
    const std::string file = fs::path(expected.at("file").get<std::string>()).filename().string();
    ChoiceTemplate task = TaskNamed(file.substr(0, file.find('.')));
    task.file = file.substr(0, file.find(".jsonl"));  // validation splits too
    std::vector<double> acc, acc_norm, acc_bytes, first;
    for (const ChoiceItem& item : ReadChoiceItems(task, testing::EvalData())) {
      std::vector<double> scores;
      for (size_t i = 0; i < item.contexts.size(); ++i) {
        scores.push_back(PseudoLogLikelihood(item.contexts[i], item.continuations[i]));
      }
      const ChoiceOutcome outcome = ScoreChoices(item, scores);
      acc.push_back(outcome.acc);
      acc_norm.push_back(outcome.acc_norm);
      acc_bytes.push_back(outcome.acc_bytes);
      first.push_back(item.gold == 0 ? 1 : 0);
    }
    EXPECT_EQ(acc.size(), expected.at("n"));
    EXPECT_NEAR(MeanAndError(acc).mean, expected.at("acc").get<double>(), 1e-12) << file;
    EXPECT_NEAR(*MeanAndError(acc).stderr_of_mean, expected.at("acc_stderr").get<double>(), 1e-12);
    EXPECT_NEAR(MeanAndError(first).mean, expected.at("gold_is_choice0").get<double>(), 1e-12);
    if (!expected.contains("acc_norm")) continue;
    EXPECT_NEAR(MeanAndError(acc_norm).mean, expected.at("acc_norm").get<double>(), 1e-12) << file;
    EXPECT_NEAR(*MeanAndError(acc_norm).stderr_of_mean,
                expected.at("acc_norm_stderr").get<double>(), 1e-12);
    EXPECT_NEAR(MeanAndError(acc_bytes).mean, expected.at("acc_bytes").get<double>(), 1e-12);
  }
}

// Splits as the toy tokenizer of encode_pair.jsonl does: a token is a blank run's last blank and
// the word after it, other blanks stand alone.
std::vector<std::string> ToyTokens(const std::string& text) {
  std::vector<std::string> tokens = {"<s>"};
  for (size_t at = 0; at < text.size();) {
    size_t end = at + 1;
    const bool joins =
        text[at] == ' ' && end < text.size() && text[end] != ' ' && text[end] != '\n';
    if (joins || (text[at] != ' ' && text[at] != '\n')) {
      while (end < text.size() && text[end] != ' ' && text[end] != '\n') ++end;
    }
    tokens.push_back(text.substr(at, end - at));
    at = end;
  }
  return tokens;
}

TEST(ChoicesTest, EncodePairGolden) {
  MEAP_NEEDS_SHARED();
  for (const DataItem& line : testing::Golden("encode_pair.jsonl")) {
    std::string context = line.Text("context");
    std::string continuation = line.Text("continuation");
    MoveTrailingSpace(context, continuation);
    const std::vector<std::string> before = ToyTokens(context);
    const std::vector<std::string> whole = ToyTokens(context + continuation);
    EXPECT_EQ(before, line.Texts("context_tokens")) << line.place();
    EXPECT_EQ(std::vector<std::string>(whole.begin() + static_cast<std::ptrdiff_t>(before.size()),
                                       whole.end()),
              line.Texts("continuation_tokens"))
        << line.place();
  }
}

TEST(ChoicesTest, TrailingSpaceMovesWhateverItIs) {
  std::string context = "ends\u00a0\n ";
  std::string continuation = " x";
  MoveTrailingSpace(context, continuation);
  EXPECT_EQ(context, "ends");
  EXPECT_EQ(continuation, "\u00a0\n  x");
}

TEST(ChoicesTest, TiesGoToTheLowestIndexAndLengthsAreCodePoints) {
  ChoiceItem item;
  item.choices = {"éé", "abc"};
  item.gold = 1;
  const std::vector<double> tie = {-3, -3};
  EXPECT_EQ(ScoreChoices(item, tie).prediction, 0U);
  EXPECT_EQ(ScoreChoices(item, tie).acc_norm, 1);  // -3/2 < -3/3
  const std::vector<double> scores = {-3, -4};  // a code point: -1.5, -1.33; a byte: -0.75, -1.33
  EXPECT_EQ(ScoreChoices(item, scores).acc_norm, 1);
  EXPECT_EQ(ScoreChoices(item, scores).acc_bytes, 0);
}

TEST(ChoicesTest, FewShotExamples) {
  const auto item = BuildChoiceItem(
      TaskNamed("winogrande"),
      Item(R"({"sentence": "A _ b.", "option1": "x", "option2": "y", "answer": "2"})"));
  EXPECT_EQ(item.contexts, (std::vector<std::string>{"A x", "A y"}));
  EXPECT_EQ(item.id, "6");
  const auto piqa = BuildChoiceItem(TaskNamed("piqa"),
                                    Item(R"({"goal": "G", "sol1": "p", "sol2": "q", "label": 0})"));
  const std::vector<ChoiceItem> examples = {item, piqa};
  EXPECT_EQ(FewShotPrefix(examples), "A y b.\n\nQuestion: G\nAnswer: p\n\n");
}

TEST(ChoicesTest, ErrorsNameFileLineAndField) {
  const auto error = ErrorOf([] {
    BuildChoiceItem(TaskNamed("arc_easy"),
                    Item(R"({"question": "q", "choices": {"text": ["a"]}})"));
  });
  EXPECT_EQ(error.where, "file.jsonl:7, field \"answerKey\"");
  EXPECT_THAT(error.got, HasSubstr("question"));
  const auto gold = ErrorOf([] {
    BuildChoiceItem(TaskNamed("piqa"),
                    Item(R"({"goal": "G", "sol1": "p", "sol2": "q", "label": 2})"));
  });
  EXPECT_EQ(gold.where, "file.jsonl:7, field \"label\"");
  EXPECT_EQ(gold.expected, "a number from 0 to 1");
  const auto label = ErrorOf([] {
    BuildChoiceItem(TaskNamed("openbookqa"), Item(R"({"question_stem": "q", "answerKey": "C",
                             "choices": {"text": ["a"], "label": ["A"]}})"));
  });
  EXPECT_THAT(label.where, HasSubstr("answerKey"));
}

TEST(ChoicesTest, DataFilesAreFoundAndChecked) {
  const testing::TempDir dir;
  EXPECT_THAT(ErrorOf([&] { ReadChoiceItems(TaskNamed("piqa"), dir.path()); }).where,
              HasSubstr("commonsense/piqa.validation.jsonl"));
  std::ofstream(dir / "x.jsonl") << "\n{\"a\": 1}\n[2]\n";
  EXPECT_EQ(ReadDataItems(dir / "x.jsonl", 1).front().line(), 2U);
  EXPECT_THAT(ErrorOf([&] { ReadDataItems(dir / "x.jsonl"); }).where, HasSubstr("x.jsonl:3"));
}

TEST(ChoicesTest, TemplatesTakeBracesAndNestedFields) {
  const ChoiceTemplate task{.name = "mine",
                            .folder = {},
                            .file = {},
                            .context = "{{{a.b}}} {n}?",
                            .choices = {"yes", "no"},
                            .gold = "g"};
  const auto item = BuildChoiceItem(task, Item(R"({"a": {"b": "B"}, "n": 3, "g": 1})"));
  EXPECT_EQ(item.contexts[1], "{B} 3?");
  EXPECT_EQ(item.example, "{B} 3? no");
}

}  // namespace
}  // namespace meap
