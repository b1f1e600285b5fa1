#include "chat/read_conversations.h"

#include <gmock/gmock.h>

#include "tests/data/data_support.h"

namespace meap {
namespace {

using ::testing::ElementsAre;
using testing::ErrorOf;
using ::testing::HasSubstr;
using testing::Put;
using testing::TempDir;

/// "role: content" of each message, with the input behind a '|', of each conversation.
std::vector<std::string> ReadAll(const fs::path& path, DropCounts* drops = nullptr) {
  ConversationReader reader(path);
  std::vector<std::string> shown;
  for (Conversation conversation; reader.Next(conversation);) {
    std::string text;
    for (const Message& message : conversation.messages) {
      text += (text.empty() ? "" : "; ") + message.role + ": " + message.content;
      if (!message.input.empty()) text += " | " + message.input;
    }
    shown.push_back(text);
  }
  if (drops != nullptr) *drops = reader.drops();
  return shown;
}

const std::string kAlpaca = R"({"instruction": "Add.", "input": "1, 2", "output": "3"})"
                            "\n"
                            R"({"instruction": "Greet.", "input": "", "output": "Hi"})"
                            "\n"
                            R"({"instruction": "Greet.", "output": "Hello", "source": "x"})"
                            "\n";

TEST(ReadConversations, AlpacaInEveryPacking) {
  const TempDir dir;
  std::string array = "\xEF\xBB\xBF [\n";
  for (size_t begin = 0; begin < kAlpaca.size();) {
    const size_t end = kAlpaca.find('\n', begin);
    array += (begin > 0 ? ",\n" : "") + kAlpaca.substr(begin, end - begin);
    begin = end + 1;
  }
  array += "]\n";
  Put(dir / "a.jsonl", kAlpaca);
  Put(dir / "a.json", array);
  Put(dir / "a.json.gz", testing::Gzip(array));
  Put(dir / "a.jsonl.zst", testing::Zstd(kAlpaca));
  for (const char* name : {"a.jsonl", "a.json", "a.json.gz", "a.jsonl.zst"}) {
    EXPECT_THAT(ReadAll(dir / name),
                ElementsAre("user: Add. | 1, 2; assistant: 3", "user: Greet.; assistant: Hi",
                            "user: Greet.; assistant: Hello"))
        << name;
  }
}

TEST(ReadConversations, AlpacaFieldsStayAsTheyAre) {
  const TempDir dir;
  Put(dir / "a.jsonl", R"({"instruction": "Count.", "input": " ", "output": "3"})"
                       "\n"
                       R"({"instruction": "", "input": "1, 2", "output": "3"})"
                       "\n"
                       R"({"instruction": " ", "input": "\n", "output": "3"})"
                       "\n");
  DropCounts drops;
  EXPECT_THAT(ReadAll(dir / "a.jsonl", &drops),
              ElementsAre("user: Count. |  ; assistant: 3", "user:  | 1, 2; assistant: 3"));
  EXPECT_EQ(drops.count(DropReason::kEmptyPrompt), 1u);
}

TEST(ReadConversations, MessagesInEveryForm) {
  const TempDir dir;
  Put(dir / "a.jsonl",
      R"({"messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "Q"},)"
      R"( {"role": "assistant", "content": "A"}]})"
      "\n"
      R"({"messages": [{"role": "user", "content": [{"type": "text", "text": "Q"},)"
      R"( {"type": "text", "text": "2"}]}, {"role": "assistant", "content": "A"}]})"
      "\n"
      R"({"conversations": [{"from": "human", "value": "Q"}, {"from": "gpt", "value": "A"},)"
      R"( {"from": "human", "value": "R"}, {"from": "gpt", "value": "B"}]})"
      "\n"
      R"({"prompt": "P", "completion": "C"})"
      "\n"
      R"({"prompt": [{"role": "user", "content": "P"}],)"
      R"( "completion": [{"role": "assistant", "content": "C"}]})"
      "\n");
  EXPECT_THAT(ReadAll(dir / "a.jsonl"),
              ElementsAre("system: S; user: Q; assistant: A", "user: Q2; assistant: A",
                          "user: Q; assistant: A; user: R; assistant: B", "user: P; assistant: C",
                          "user: P; assistant: C"));
}

TEST(ReadConversations, BrokenSamplesAreCountedByReasonAndPlace) {
  const TempDir dir;
  Put(dir / "a.jsonl",
      kAlpaca +
          R"({"instruction": "x", "output": " \n"})"
          "\n"
          R"({"instruction": "", "output": "y"})"
          "\n"
          R"({"instruction": "x"})"
          "\n"
          R"({"instruction": "x", "output": 7})"
          "\n"
          R"({"instruction": "x", "output": )"
          "\n"
          R"({"messages": [{"role": "assistant", "content": "A"}, {"role": "user", "content": "Q"}]})"
          "\n"
          R"({"messages": [{"role": "user", "content": "Q"}]})"
          "\n"
          R"({"messages": [{"role": "narrator", "content": "Q"}]})"
          "\n"
          R"({"messages": [{"role": "user", "content": [{"type": "image"}]}]})"
          "\n"
          R"({"text": "no form"})"
          "\n"
          R"([])"
          "\n"
          "{\"instruction\": \"\xFF\", \"output\": \"y\"}\n");
  DropCounts drops;
  EXPECT_EQ(ReadAll(dir / "a.jsonl", &drops).size(), 3u);
  EXPECT_EQ(drops.count(DropReason::kEmptyAnswer), 1u);
  EXPECT_EQ(drops.count(DropReason::kEmptyPrompt), 1u);
  EXPECT_EQ(drops.count(DropReason::kMissingField), 2u);
  EXPECT_EQ(drops.count(DropReason::kWrongType), 3u);
  EXPECT_EQ(drops.count(DropReason::kBadJson), 1u);
  EXPECT_EQ(drops.count(DropReason::kRoleOrder), 2u);
  EXPECT_EQ(drops.count(DropReason::kUnknownRole), 1u);
  EXPECT_EQ(drops.count(DropReason::kInvalidUtf8), 1u);
  EXPECT_EQ(drops.total(), 12u);
  EXPECT_EQ(drops.places()[0], (dir / "a.jsonl").string() + ":4: message 2: empty_answer");
}

TEST(ReadConversations, LinesOfAnArrayAreCounted) {
  const TempDir dir;
  Put(dir / "a.json",
      "[\n"
      "  {\n"
      "    \"instruction\": \"a ] } \\\" [ {\",\n"
      "    \"output\": \"b\\\\\"\n"
      "  },\n"
      "\n"
      "  {\"instruction\": \"c\", \"output\": \"\"}\n"
      "]");
  DropCounts drops;
  EXPECT_THAT(ReadAll(dir / "a.json", &drops), ElementsAre("user: a ] } \" [ {; assistant: b\\"));
  EXPECT_THAT(drops.places(), ElementsAre(HasSubstr("a.json:7: message 2: empty_answer")));
}

TEST(ReadConversations, OtherFilesAreErrorsThatNameFileAndLine) {
  const TempDir dir;
  Put(dir / "plain.jsonl", "Once upon a time\nthere was\n");
  Put(dir / "text.jsonl", "{\"text\": \"a\", \"id\": 1}\n");
  Put(dir / "list.jsonl", "\n7\n");
  Put(dir / "torn.json", "[{\"instruction\": \"a\", \"output\": \"b\"},\n{\"instr");
  Put(dir / "commas.json", "[{\"instruction\": \"a\", \"output\": \"b\"} {}]");
  Put(dir / "twice.json", "[{\"instruction\": \"a\", \"output\": \"b\"}]\n[]");
  Put(dir / "a.csv", "instruction,output\n");
  const auto error = [&](const char* name) { return ErrorOf([&] { ReadAll(dir / name); }); };
  EXPECT_THAT(error("plain.jsonl").where, HasSubstr("plain.jsonl:1"));
  EXPECT_THAT(error("text.jsonl").where, HasSubstr("text.jsonl:1"));
  EXPECT_THAT(error("text.jsonl").got, HasSubstr("text, id"));
  EXPECT_THAT(error("list.jsonl").where, HasSubstr("list.jsonl:2"));
  EXPECT_THAT(error("torn.json").where, HasSubstr("torn.json:2"));
  EXPECT_THAT(error("commas.json").where, HasSubstr("commas.json:1"));
  EXPECT_THAT(error("twice.json").where, HasSubstr("twice.json:2"));
  EXPECT_THAT(error("a.csv").expected, HasSubstr(".jsonl"));
  EXPECT_THAT(error("missing.jsonl").what, HasSubstr("cannot read"));
}

TEST(ReadConversations, EmptyArraysAndFilesHoldNothing) {
  const TempDir dir;
  Put(dir / "a.json", " [ ] ");
  Put(dir / "b.jsonl", "\n\n");
  EXPECT_TRUE(ReadAll(dir / "a.json").empty());
  EXPECT_TRUE(ReadAll(dir / "b.jsonl").empty());
}

TEST(ParseMessages, TakesListsAndObjectsAndRefusesTheRest) {
  EXPECT_EQ(ParseMessages(R"([{"role": "user", "content": "Q"}])", "m.json").size(), 1u);
  EXPECT_EQ(ParseMessages(R"({"messages": [{"role": "user", "content": "Q"}]})", "m.json").size(),
            1u);
  for (const char* wrong :
       {"7", "[", "[7]", "{}", "[]", R"([{"role": "assistant", "content": "A"}])",
        R"([{"role": "user", "content": ""}])", R"([{"role": "user"}])"}) {
    EXPECT_EQ(ErrorOf([&] { ParseMessages(wrong, "m.json"); }).where, "m.json") << wrong;
  }
}

}  // namespace
}  // namespace meap
