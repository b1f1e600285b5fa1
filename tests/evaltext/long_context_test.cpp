// Prompts of the long-context tasks, byte for byte those of the reference tools.
#include <gmock/gmock.h>

#include <fstream>
#include <map>
#include <set>

#include "evaltext/answers.h"
#include "evaltext/mdqa.h"
#include "evaltext/needle.h"
#include "evaltext/needlebench.h"
#include "tests/evaltext/byte_codec.h"
#include "tests/evaltext/golden_support.h"

namespace meap {
namespace {

using ::meap::testing::ErrorOf;
using ::meap::testing::EvalData;
using ::meap::testing::Golden;
using ::meap::testing::Sha256;
using ::testing::HasSubstr;

size_t Size(const DataItem& line, const char* field) {
  return static_cast<size_t>(line.Integer(field));
}

TEST(MdqaTest, PromptsGolden) {
  MEAP_NEEDS_SHARED();
  for (const DataItem& line : Golden("mdqa_prompts.jsonl")) {
    const std::string mode = line.Text("mode");
    const size_t index = Size(line, "line");
    const TaskInputs inputs{.data = EvalData(), .limit = index + 1};
    MdqaOptions options;
    options.closed_book = mode == "closedbook";
    if (!options.closed_book) {
      options.documents = Size(line, "k_docs");
      options.gold_indices = {Size(line, "gold_index")};
    }
    if (mode == "random_note") options.mode = MdqaMode::kRandomNote;
    if (mode == "query_aware") options.mode = MdqaMode::kQueryAware;
    const GenerationItem item = MakeMdqaTask(options)->Items(inputs).at(index);
    EXPECT_EQ(line.Find("prompt") == nullptr ? item.prompt : line.Text("prompt"), item.prompt);
    if (!options.closed_book) {
      EXPECT_EQ(Sha256(item.prompt), line.Text("prompt_sha256"));
    }
  }
}

TEST(MdqaTest, StandardPositionsAndLimits) {
  MEAP_NEEDS_SHARED();
  const TaskInputs inputs{.data = EvalData(), .limit = 2};
  const std::map<std::string, std::vector<int>> positions = {{"mdqa20", {1, 5, 10, 15, 20}},
                                                             {"mdqa10", {1, 5, 10}}};
  for (const auto& [name, expected] : positions) {
    const auto items = MakeGenerationTask(name)->Items(inputs);
    ASSERT_EQ(items.size(), 2 * expected.size());
    for (size_t i = 0; i < items.size(); ++i) {
      EXPECT_EQ(items[i].group.at("position"), expected[i % expected.size()]);
      EXPECT_EQ(items[i].item, items[i / expected.size() * expected.size()].item);
      EXPECT_EQ(items[i].max_new_tokens, 100);
      EXPECT_EQ(items[i].prompt_limit_tokens, 4096);
      EXPECT_EQ(items[i].too_long, TooLong::kSkip);
      ASSERT_EQ(items[i].chat.size(), 1U);
      EXPECT_EQ(items[i].chat[0].content, items[i].prompt);
    }
  }
}

TEST(MdqaTest, TrivialAnswersGolden) {
  MEAP_NEEDS_SHARED();
  const auto golden = nlohmann::json::parse(
      ReadFile(testing::SharedRoot() / "specs/evaluation_golden/pseudo_model_scores.json", "test"));
  const auto& expected = golden.at("mdqa");
  std::map<int64_t, std::string> texts;
  for (const DataItem& line : ReadDataItems(EvalData() / "mdqa/passages.jsonl.gz")) {
    texts[line.Integer("pid")] = line.Text("text");
  }
  double full = 0;
  double ranked = 0;
  double start = 0;
  size_t n = 0;
  for (const DataItem& line : ReadDataItems(EvalData() / "mdqa/questions.jsonl.gz")) {
    const std::vector<std::string> answers = line.Texts("answers");
    const std::string& gold = texts.at(line.Integer("gold_pid"));
    size_t cut = 0;
    for (int code_points = 0; cut < gold.size(); ++cut) {
      if ((static_cast<uint8_t>(gold[cut]) & 0xC0) != 0x80 && ++code_points > 120) break;
    }
    full += BestSubspanEm(gold, answers);
    start += BestSubspanEm(gold.substr(0, cut), answers);
    ranked += BestSubspanEm(texts.at(line.Integers("ranked_pids")[0]), answers);
    ++n;
  }
  ASSERT_EQ(n, expected.at("n"));
  const auto count = static_cast<double>(n);
  EXPECT_NEAR(full / count, expected.at("answer_is_full_gold_text").get<double>(), 1e-9);
  EXPECT_NEAR(start / count,
              expected.at("answer_is_first_120_codepoints_of_gold_text").get<double>(), 1e-9);
  EXPECT_NEAR(ranked / count, expected.at("answer_is_full_text_of_ranked_pids_0").get<double>(),
              1e-9);
}

TEST(KvTest, PromptsGolden) {
  MEAP_NEEDS_SHARED();
  for (const DataItem& line : Golden("kv_prompts.jsonl")) {
    std::vector<std::pair<std::string, std::string>> records;
    const bool real = line.Find("file") != nullptr;
    const DataItem source =
        real ? ReadDataItems(testing::SharedRoot() / line.Text("file"))[Size(line, "line")] : line;
    for (const auto& pair : *source.Find(real ? "ordered_kv_records" : "records")) {
      records.emplace_back(pair[0], pair[1]);
    }
    const std::string prompt =
        KvPrompt(records, line.Text("key"), line.Find("query_aware") != nullptr);
    if (real) {
      EXPECT_EQ(Sha256(prompt), line.Text("prompt_sha256"));
    } else {
      EXPECT_EQ(prompt, line.Text("prompt"));
    }
  }
}

TEST(KvTest, TheRecordMovesToItsPosition) {
  const testing::TempDir dir;
  fs::create_directories(dir / "kv_retrieval");
  std::ofstream(dir / "kv_retrieval/kv-retrieval-3_keys.jsonl")
      << R"({"ordered_kv_records": [["a", "1"], ["b", "2"], ["c", "3"]], "key": "b"})"
      << "\n";
  const auto task = MakeKvTask({.keys = 3, .gold_indices = {0, 2}});
  const auto items = task->Items({.data = dir.path()});
  ASSERT_EQ(items.size(), 2U);
  EXPECT_THAT(items[0].prompt, HasSubstr("{\"b\": \"2\",\n \"a\": \"1\",\n \"c\": \"3\"}"));
  EXPECT_THAT(items[1].prompt, HasSubstr("{\"a\": \"1\",\n \"c\": \"3\",\n \"b\": \"2\"}"));
  EXPECT_EQ(items[1].group.at("position"), 3);
  EXPECT_EQ(task->Score(items[0], "it is 2"), (Metrics{{"contains", 1}}));
  std::ofstream(dir / "kv_retrieval/kv-retrieval-3_keys.jsonl")
      << R"({"ordered_kv_records": [["a", "1"], ["b", 2], ["c", "3"]], "key": "b"})"
      << "\n";
  EXPECT_THAT(ErrorOf([&] { task->Items({.data = dir.path()}); }).where,
              HasSubstr("keys.jsonl:1, field \"ordered_kv_records\""));
}

TEST(NeedleTest, InsertionGolden) {
  MEAP_NEEDS_SHARED();
  const TokenCodec codec = testing::ByteCodec();
  for (const DataItem& line : Golden("niah_insert_bytes.jsonl")) {
    const NeedleContext context =
        InsertNeedle(codec.encode(line.Text("haystack")), codec.encode(line.Text("needle")),
                     codec.full_stops, line.Integer("context_length"), line.Integer("buffer"),
                     static_cast<int>(line.Integer("depth_percent")));
    EXPECT_EQ(codec.decode(context.tokens), line.Text("output")) << line.place();
    EXPECT_EQ(context.needle_at, Size(line, "needle_byte_offset")) << line.place();
  }
}

TEST(NeedleTest, ScoresAndGrid) {
  const Needle& first = Needles().front();
  EXPECT_EQ(first.phrase, "eat sandwich and sit in dolores park");
  EXPECT_EQ(ScoreNeedle(first, "Eat a sandwich, and sit in Dolores Park!")[0].second, 1);
  EXPECT_NEAR(ScoreNeedle(first, "sit in the sunny park")[1].second, 3.0 / 7, 1e-12);
  EXPECT_NEAR(ScoreNeedle(first, first.text)[2].second, 10, 1e-12);
  for (const Needle& needle : Needles()) {
    EXPECT_EQ(ScoreNeedle(needle, needle.text)[0].second, 1) << needle.text;
    EXPECT_EQ(ScoreNeedle(needle, needle.text)[1].second, 1) << needle.text;
    EXPECT_EQ(ScoreNeedle(needle, needle.question)[0].second, 0) << needle.text;
  }
  const std::vector<int> lengths = EvenlySpaced(1000, 16000, 35);
  EXPECT_EQ(lengths.size(), 35U);
  EXPECT_EQ(lengths[1], 1441);
  EXPECT_EQ(lengths.back(), 16000);
  EXPECT_EQ(EvenlySpaced(0, 100, 35)[1], 3);
}

TEST(NeedleTest, EveryPromptHoldsTheNeedleAndFits) {
  const testing::TempDir dir;
  fs::create_directories(dir / "niah/essays");
  std::ofstream(dir / "niah/essays/b.txt") << "Second essay. It is short. ";
  std::ofstream(dir / "niah/essays/a.txt") << "First essay. It has some words. ";
  const TokenCodec codec = testing::ByteCodec();
  const TaskInputs inputs{.data = dir.path(), .codec = &codec, .max_length_tokens = 4000};
  const auto items = MakeNeedleTask({})->Items(inputs);
  ASSERT_EQ(items.size(), 88U);
  for (const GenerationItem& item : items) {
    EXPECT_THAT(item.prompt, HasSubstr(Needles()[0].text));
    EXPECT_LE(item.extra.at("context_tokens"),
              std::max(97, item.group.at("length").get<int>() - 200));
  }
  EXPECT_THAT(items[10].prompt, ::testing::StartsWith("You are a helpful AI bot that answers"));
  EXPECT_THAT(items[10].prompt, HasSubstr("direct.\n\nFirst essay. It has some words. Second"));
  EXPECT_THAT(items[10].prompt,
              ::testing::EndsWith("\n\nQuestion: What is the best thing to do in San Francisco? "
                                  "Don't give information outside the document or repeat your "
                                  "findings.\nAnswer:"));
  TaskInputs few = inputs;
  few.limit = 12;
  const auto thinned = MakeNeedleTask({})->Items(few);
  EXPECT_LE(thinned.size(), 12U);
  EXPECT_GE(thinned.size(), 9U);
  EXPECT_EQ(thinned.back().group.at("length"), 4000);
  EXPECT_EQ(thinned.back().group.at("depth"), 100);
  const auto completion = MakeNeedleTask({.completion = true})->Items(few);
  EXPECT_THAT(completion[0].prompt,
              ::testing::EndsWith("\n\nThe best thing to do in San Francisco is"));
}

TEST(NeedleTest, TunedModelsAreAskedInTurnsAndCompleteBareText) {
  const testing::TempDir dir;
  fs::create_directories(dir / "niah/essays");
  std::ofstream(dir / "niah/essays/a.txt") << "First essay. It has some words. ";
  const TokenCodec codec = testing::ByteCodec();
  const TaskInputs inputs{
      .data = dir.path(), .limit = 1, .codec = &codec, .max_length_tokens = 4000, .chat = true};
  const GenerationItem asked = MakeNeedleTask({})->Items(inputs).at(0);
  ASSERT_EQ(asked.chat.size(), 3U);
  EXPECT_EQ(asked.chat[0].role, "system");
  EXPECT_EQ(asked.chat[0].content,
            "You are a helpful AI bot that answers questions for a user. Keep your response short "
            "and direct");
  EXPECT_EQ(asked.chat[1].role, "user");
  EXPECT_THAT(asked.chat[1].content, HasSubstr(Needles()[0].text));
  EXPECT_EQ(asked.chat[2].role, "user");
  EXPECT_EQ(asked.chat[2].content,
            "What is the best thing to do in San Francisco? Don't give information outside the "
            "document or repeat your findings");
  EXPECT_EQ(asked.max_new_tokens, 300);
  const GenerationItem completed = MakeNeedleTask({.completion = true})->Items(inputs).at(0);
  EXPECT_TRUE(completed.chat.empty());
  EXPECT_EQ(completed.prompt,
            asked.chat[1].content + "\n\nThe best thing to do in San Francisco is");
  EXPECT_EQ(completed.max_new_tokens, 64);
}

TEST(NeedleTest, EssaysWithoutAWordAreAnError) {
  const testing::TempDir dir;
  fs::create_directories(dir / "niah/essays");
  std::ofstream(dir / "niah/essays/a.txt") << "";
  std::ofstream(dir / "niah/essays/b.txt") << " \n";
  fs::create_directories(dir / "needlebench_mrs");
  std::ofstream(dir / "needlebench_mrs/multi_needle_reasoning_en.jsonl")
      << R"({"id": "1", "derivation_count": 2, "question": "q", "answer": "a",)"
      << R"( "derivations": ["x", "y"]})"
      << "\n";
  const TokenCodec codec = testing::ByteCodec();
  const TaskInputs inputs{.data = dir.path(), .codec = &codec, .max_length_tokens = 400};
  // The needle's haystack is the essays again and again: without any it would never be long enough.
  const auto needle = ErrorOf([&] { MakeNeedleTask({})->Items(inputs); });
  EXPECT_THAT(needle.where, HasSubstr("niah/essays"));
  EXPECT_THAT(needle.got, HasSubstr("a.txt, b.txt"));
  std::ofstream(dir / "niah/essays/b.txt") << "unknown";
  TokenCodec deaf = codec;
  deaf.encode = [](std::string_view) { return std::vector<int32_t>(); };
  const TaskInputs unheard{.data = dir.path(), .codec = &deaf, .max_length_tokens = 400};
  EXPECT_THAT(ErrorOf([&] { MakeNeedleTask({})->Items(unheard); }).got, HasSubstr("0 tokens"));
  std::ofstream(dir / "niah/essays/b.txt") << " \n";
  const auto mrs = ErrorOf([&] { MakeNeedleBenchTask({.needles = {2}})->Items(inputs); });
  EXPECT_THAT(mrs.where, HasSubstr("niah/essays"));
}

TEST(NeedleBenchTest, DrawsAreThoseOfTheReference) {
  MEAP_NEEDS_SHARED();
  const auto plan =
      nlohmann::json::parse(ReadFile(EvalData() / "needlebench_mrs/reference_plan.json", "test"));
  std::map<int64_t, std::vector<int64_t>> lines;  // by number of needles
  for (const DataItem& line : ReadDataItems(
           EvalData() / "needlebench_mrs/multi_needle_reasoning_en.reconstructed.jsonl")) {
    lines[line.Integer("derivation_count")].push_back(static_cast<int64_t>(line.line()) - 1);
  }
  for (uint32_t counter = 0; counter < 10; ++counter) {
    EXPECT_EQ(EssayOrder(41, counter), plan.at("essay_order_by_counter")[counter]);
    for (const auto& [needles, picks] : plan.at("item_line_by_num_needles_and_counter").items()) {
      const std::vector<int64_t>& group = lines[std::stoll(needles)];
      EXPECT_EQ(group[PickItem(group.size(), counter)], picks[counter]);
    }
  }
}

NeedleBenchOptions OneCell(const DataItem& line) {
  NeedleBenchOptions options;
  options.lengths = {static_cast<int>(line.Integer("length"))};
  options.depths = {static_cast<int>(line.Integer("depth"))};
  options.needles = {Size(line, "num_needles")};
  return options;
}

TEST(NeedleBenchTest, PromptsGolden) {
  MEAP_NEEDS_SHARED();
  const TokenCodec codec = testing::ByteCodec();
  const TaskInputs inputs{.data = EvalData(), .codec = &codec};
  for (const DataItem& line : Golden("needlebench_mrs_prompts_bytes.jsonl")) {
    const auto items = MakeNeedleBenchTask(OneCell(line))->Items(inputs);
    const GenerationItem& item = items.at(Size(line, "counter"));
    EXPECT_EQ(line.Find("prompt") == nullptr ? item.prompt : line.Text("prompt"), item.prompt);
    EXPECT_EQ(Sha256(item.prompt), line.Text("prompt_sha256")) << line.place();
    EXPECT_EQ(item.item, line.Text("num_needles") + "#" + line.Text("item_id"));
    EXPECT_EQ(item.references[0] + "*" + item.references[0], line.Text("answer"));
  }
}

TEST(NeedleBenchTest, FamilyPromptsGolden) {
  MEAP_NEEDS_SHARED();
  const TokenCodec codec = testing::ByteCodec();
  const TaskInputs inputs{.data = EvalData(), .codec = &codec};
  for (const DataItem& line : Golden("needlebench_v2_mrs_prompts_bytes.jsonl")) {
    NeedleBenchOptions options = OneCell(line);
    options.family = true;
    options.buffer = 500;
    const auto items = MakeNeedleBenchTask(options)->Items(inputs);
    const GenerationItem& item = items.at(Size(line, "counter"));
    EXPECT_EQ(line.Find("prompt") == nullptr ? item.prompt : line.Text("prompt"), item.prompt);
    EXPECT_EQ(Sha256(item.prompt), line.Text("prompt_sha256")) << line.place();
    EXPECT_EQ(item.references, std::vector<std::string>{line.Text("answer")});
    const auto task = MakeNeedleBenchTask(options);
    EXPECT_EQ(task->Score(item, "So \\boxed{" + line.Text("answer") + "}.")[0].second, 100);
    EXPECT_EQ(task->Score(item, line.Text("answer"))[0].second, 0);
    EXPECT_EQ(task->Score(item, line.Text("answer"))[1].second, 1);
  }
}

TEST(NeedleBenchTest, StandardGrids) {
  MEAP_NEEDS_SHARED();
  const TokenCodec codec = testing::ByteCodec();
  const TaskInputs inputs{.data = EvalData(), .codec = &codec};
  const auto items = MakeGenerationTask("mrs")->Items(inputs);
  EXPECT_EQ(items.size(), 4U * 20 * 4 * 10);  // ten repeats of every cell
  EXPECT_EQ(items[0].max_new_tokens, 64);
  std::map<std::string, std::set<int>> values;
  for (const GenerationItem& item : items) {
    for (const auto& [field, value] : item.group.items()) values[field].insert(value.get<int>());
  }
  EXPECT_EQ(values["length"], (std::set{1000, 2000, 3000, 4000}));
  EXPECT_EQ(values["depth"], (std::set{0,  5,  10, 15, 21, 26, 31, 36, 42, 47,
                                       52, 57, 63, 68, 73, 78, 84, 89, 94, 100}));
  EXPECT_EQ(values["needles"], (std::set{2, 3, 4, 5}));
}

TEST(NeedleBenchTest, LongGrids) {
  MEAP_NEEDS_SHARED();
  const TokenCodec codec = testing::ByteCodec();
  TaskInputs inputs{.data = EvalData(), .codec = &codec};
  const auto cells = [&](const std::string& name, size_t all) {
    inputs.limit = all / 10;  // evenly over all: every length, count of needles and depth
    std::set<int> lengths;
    std::set<int> depths;
    for (const auto& item : MakeGenerationTask(name)->Items(inputs)) {
      lengths.insert(item.group.at("length").get<int>());
      depths.insert(item.group.at("depth").get<int>());
    }
    return std::pair(lengths, depths);
  };
  const auto middle = cells("mrs_8k", 3200);
  EXPECT_EQ(middle.first, (std::set{5000, 6000, 7000, 8000}));
  EXPECT_EQ(middle.second.size(), 20U);
  const auto longest = cells("mrs_32k", 8 * 4 * 11 * 10);
  EXPECT_EQ(longest.first, (std::set{9000, 13000, 17000, 21000, 25000, 29000, 31000, 32000}));
  EXPECT_EQ(longest.second, (std::set{0, 10, 21, 31, 42, 52, 63, 73, 84, 94, 100}));
}

TEST(NeedleBenchTest, TrivialAnswersGolden) {
  MEAP_NEEDS_SHARED();
  const auto golden = nlohmann::json::parse(
      ReadFile(testing::SharedRoot() / "specs/evaluation_golden/pseudo_model_scores.json", "test"));
  const auto& expected = golden.at("needlebench_mrs");
  double last = 0;
  double question = 0;
  double all = 0;
  double n = 0;
  for (const DataItem& line : ReadDataItems(
           EvalData() / "needlebench_mrs/multi_needle_reasoning_en.reconstructed.jsonl")) {
    const std::vector<std::string> facts = line.Texts("derivations");
    std::string joined;
    for (const std::string& fact : facts) joined += fact + " ";
    last += AnswerWordsFound(facts.back(), line.Text("answer"));
    question += AnswerWordsFound(line.Text("question"), line.Text("answer"));
    all += AnswerWordsFound(joined, line.Text("answer"));
    n += 1;
  }
  EXPECT_EQ(n, expected.at("n"));
  EXPECT_NEAR(last / n, expected.at("prediction_is_last_needle").get<double>(), 1e-9);
  EXPECT_NEAR(question / n, expected.at("prediction_is_question").get<double>(), 1e-9);
  EXPECT_NEAR(all / n, expected.at("prediction_is_all_needles_joined_by_space").get<double>(),
              1e-9);
}

TEST(NeedleBenchTest, EarlierNeedlesCountTwice) {
  const std::vector<int32_t> haystack(100, 0);
  const std::vector<std::vector<int32_t>> needles = {{1, 1, 1}, {2, 2}};
  const ScatteredContext context = ScatterNeedles(haystack, needles, 50, 10);
  EXPECT_EQ(context.needles_at, (std::vector<size_t>{50, 66}));
  EXPECT_EQ(context.tokens.size(), 105U);
  EXPECT_EQ(ScatterNeedles(haystack, needles, 100, 10).needles_at, (std::vector<size_t>{100, 103}));
}

}  // namespace
}  // namespace meap
