#include "evaltext/summaries.h"

#include <gmock/gmock.h>

#include <fstream>

#include "evaltext/content_items.h"
#include "tests/evaltext/byte_codec.h"
#include "tests/evaltext/golden_support.h"

namespace meap {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kSource[] = "Voges retired hurt on 86 against Somerset on 4 June.";

TEST(SummariesTest, ContentItems) {
  EXPECT_THAT(ContentItems("Voges retired hurt against Somerset on 4 June."),
              ElementsAre("somerset", "4", "june"));
  EXPECT_THAT(ContentItems("In Paris, Mary Ann Smith paid \u00a31,500. The bank said 3.5%."),
              ElementsAre("paris", "mary ann smith", "1500", "35"));
  EXPECT_THAT(ContentItems("No names here. None at all! \"Said\" who?"), ElementsAre());
  EXPECT_THAT(ContentItems("Then J. Smith came to \u00c9vian"),
              ElementsAre("j smith", "\u00e9vian"));
}

TEST(SummariesTest, AbbreviationsBeginNoSentence) {
  EXPECT_THAT(ContentItems("They met Mr. Smith and Dr. \u00c9mile Roux."),
              ElementsAre("mr smith", "dr \u00e9mile roux"));
  EXPECT_THAT(ContentItems("He joined the U.S. Army. The army left."), ElementsAre("us army"));
  EXPECT_THAT(ContentItems("He said \u201cno.\u201d Then Rome fell (again.) Nobody cared..."),
              ElementsAre("rome"));
  EXPECT_THAT(ContentItems("It was on 5 June 2001. The end was near."),
              ElementsAre("5", "june", "2001"));
}

TEST(SummariesTest, RunsEndWhereANameDoes) {
  EXPECT_THAT(ContentItems("He saw Paris, London; the Bank (Lloyds) of \"New York\" Mills."),
              ElementsAre("paris", "london", "bank", "lloyds", "new york mills"));
}

TEST(SummariesTest, NumbersAreNumbersWhateverTouchesThem) {
  EXPECT_THAT(ContentItems("It cost \u00a31,500m, a 3-2 win for U2 in the 1990s."),
              ElementsAre("1500", "3", "2", "u2", "1990"));
  EXPECT_EQ(UnsupportedShare("It cost 1,500 pounds.", "It cost \u00a31,500."), 0);
  EXPECT_EQ(UnsupportedShare("It cost 1,501 pounds.", "It cost \u00a31,500."), 1);
}

TEST(SummariesTest, UnsupportedShare) {
  EXPECT_EQ(UnsupportedShare(kSource, "Voges retired hurt against Somerset on 4 June."), 0);
  EXPECT_EQ(UnsupportedShare(kSource, "He met Surrey on 4 June."), 1.0 / 3);
  EXPECT_EQ(UnsupportedShare("The 40th day", "It was 4"), 1);  // words, not substrings
  EXPECT_EQ(UnsupportedShare(kSource, ""), 0);
}

TEST(SummariesTest, Verdicts) {
  EXPECT_EQ(ParseVerdict("a: supported\nVERDICT: NO"), Verdict::kClean);
  EXPECT_EQ(ParseVerdict("x\n VERDICT: YES \r\n\n"), Verdict::kHallucination);
  EXPECT_EQ(ParseVerdict("VERDICT: YES\nno wait\nVERDICT: NO\nthanks"), Verdict::kClean);
  EXPECT_EQ(ParseVerdict("VERDICT: YES or NO"), Verdict::kUndecided);
  EXPECT_EQ(ParseVerdict("**VERDICT: YES**"), Verdict::kUndecided);
  EXPECT_EQ(ParseVerdict("verdict: yes"), Verdict::kUndecided);
  EXPECT_EQ(ParseVerdict(""), Verdict::kUndecided);
}

TEST(SummariesTest, TheJudgesPromptHoldsEverything) {
  const std::string prompt = JudgePrompt("DOC", "", "SUM");
  EXPECT_THAT(prompt, StartsWith("You check a summary against its source."));
  EXPECT_THAT(prompt, HasSubstr("\nSource: <<< DOC >>>\n"));
  EXPECT_THAT(prompt, HasSubstr("it may be empty: <<<  >>>\nSummary to check: <<< SUM >>>\n"));
  EXPECT_THAT(prompt, EndsWith("`VERDICT: NO` if there is none."));
}

struct Data {
  Data() {
    fs::create_directories(dir / "xsum");
    fs::create_directories(dir / "multi_news");
    std::ofstream(dir / "xsum/a.jsonl")
        << R"({"id": "7", "document": "One two three four five six.", "summary": "One."})"
        << "\n";
    fs::copy(dir / "xsum/a.jsonl", dir / "multi_news/b.jsonl");
  }
  testing::TempDir dir;
};

TEST(SummariesTest, Prompts) {
  const Data data;
  const auto xsum = MakeGenerationTask("xsum");
  const GenerationItem item = xsum->Items({.data = data.dir.path()}).front();
  EXPECT_EQ(item.prompt,
            "Article:\nOne two three four five six.\n\nSummarize the article in one "
            "sentence.\n\nSummary:");
  EXPECT_EQ(item.max_new_tokens, 64);
  EXPECT_EQ(xsum->Answer(item, "\n\nA b.\nC \n\nArticle:"), "A b.\nC");
  const auto news = MakeGenerationTask("multi_news")->Items({.data = data.dir.path()}).front();
  EXPECT_THAT(news.prompt, StartsWith("You are given several news passages. Write a one-page "
                                      "summary of all news. \n\nNews:\nOne two"));
  EXPECT_THAT(news.prompt, EndsWith("six.\n\nNow, write a one-page summary of all the "
                                    "news.\n\nSummary:"));
  EXPECT_EQ(news.max_new_tokens, 512);
}

TEST(SummariesTest, AllFilesOfAFolderAreRead) {
  const testing::TempDir dir;
  fs::create_directories(dir / "wikisum");
  for (const char* name : {"b", "a", "c"}) {
    std::ofstream(dir / "wikisum" / (std::string(name) + ".jsonl"))
        << R"({"id": ")" << name << R"(1", "document": "One.", "summary": "1"})"
        << "\n"
        << R"({"id": ")" << name << R"(2", "document": "Two.", "summary": "2"})"
        << "\n";
  }
  const auto ids = [&](size_t limit) {
    std::string text;
    for (const auto& item :
         MakeGenerationTask("wikisum")->Items({.data = dir.path(), .limit = limit})) {
      text += item.id + " ";
    }
    return text;
  };
  EXPECT_EQ(ids(0), "a1 a2 b1 b2 c1 c2 ");
  EXPECT_EQ(ids(3), "a1 a2 b1 ");
  EXPECT_EQ(ids(2), "a1 a2 ");
}

TEST(SummariesTest, TheMiddleOfALongDocumentGoes) {
  const Data data;
  const auto task = MakeGenerationTask("xsum");
  const GenerationItem item = task->Items({.data = data.dir.path()}).front();
  const GenerationItem shorter = ShortenPrompt(item, testing::ByteCodec(), 18);
  EXPECT_EQ(shorter.prompt,
            "Article:\nOne t six.\n\nSummarize the article in one sentence.\n\nSummary:");
  EXPECT_EQ(shorter.chat[0].content, shorter.prompt);
  EXPECT_EQ(ShortenPrompt(shorter, testing::ByteCodec(), 8).prompt,
            "Article:\nO.\n\nSummarize the article in one sentence.\n\nSummary:");
  EXPECT_EQ(ShortenPrompt(shorter, testing::ByteCodec(), 1000).document_size, 0U);
}

TEST(SummariesTest, ScoresAndEmptySummaries) {
  const Data data;
  const auto task = MakeGenerationTask("xsum");
  const GenerationItem item = task->Items({.data = data.dir.path()}).front();
  const Metrics empty = task->Score(item, "");
  EXPECT_EQ(empty[1], (std::pair<std::string, double>("clean", 0)));
  EXPECT_EQ(empty[2], (std::pair<std::string, double>("empty", 1)));
  const Metrics good = task->Score(item, "One.");
  EXPECT_EQ(good[1].second, 1);
  EXPECT_EQ(good[3], (std::pair<std::string, double>("rouge1", 1)));
}

TEST(GenerationTaskTest, UnknownNamesAndMissingData) {
  EXPECT_THAT(testing::ErrorOf([] { MakeGenerationTask("mdqa_20"); }).hint, HasSubstr("mdqa20"));
  const testing::TempDir dir;
  const TokenCodec codec = testing::ByteCodec();
  for (const TaskInfo& info : GenerationTasks()) {
    const auto task = MakeGenerationTask(info.name);
    const TaskInputs inputs{.data = dir.path(), .codec = &codec, .max_length_tokens = 1000};
    EXPECT_THAT(testing::ErrorOf([&] { task->Items(inputs); }).where,
                HasSubstr(dir.path().string()))
        << info.name;
  }
  EXPECT_THAT(
      testing::ErrorOf([&] { MakeGenerationTask("wikisum")->Items({.data = dir.path()}); }).what,
      HasSubstr("wikisum"));
}

TEST(GenerationTaskTest, AnswersEndAtTheStopAfterText) {
  GenerationItem item;
  item.stop = "\n";
  EXPECT_FALSE(EndsAnswer(item.stop, " \n"));
  EXPECT_FALSE(EndsAnswer(item.stop, "\nParis"));
  EXPECT_TRUE(EndsAnswer(item.stop, "\nParis\n"));
  item.stop = "";
  EXPECT_FALSE(EndsAnswer(item.stop, "a\n"));
}

TEST(GenerationTaskTest, SharedDataOfEveryTaskIsRead) {
  MEAP_NEEDS_SHARED();
  const TokenCodec codec = testing::ByteCodec();
  for (const TaskInfo& info : GenerationTasks()) {
    if (info.name == "wikisum") continue;
    const TaskInputs inputs{
        .data = testing::EvalData(), .limit = 8, .codec = &codec, .max_length_tokens = 4096};
    const auto task = MakeGenerationTask(info.name);
    const auto items = task->Items(inputs);
    ASSERT_FALSE(items.empty()) << info.name;
    const Metrics metrics = task->Score(items[0], task->Answer(items[0], "x"));
    std::string names;
    for (const auto& [name, value] : metrics) names += (names.empty() ? "" : ", ") + name;
    EXPECT_EQ(names, info.metrics) << info.name;
  }
}

}  // namespace
}  // namespace meap
