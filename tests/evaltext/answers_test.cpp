#include "evaltext/answers.h"

#include "evaltext/python_text.h"
#include "tests/evaltext/golden_support.h"

namespace meap {
namespace {

TEST(PythonTextTest, BlanksAreUnicodeBlanks) {
  EXPECT_EQ(StripText("\u00a0\u2003 x y\n\x1f"), "x y");
  EXPECT_EQ(StripText(" \t "), "");
  EXPECT_EQ(StripTextEnd(" a \u3000"), " a");
  EXPECT_EQ(SplitWords("  a\u2028b\tc "), (std::vector<std::string_view>{"a", "b", "c"}));
  EXPECT_EQ(StripText("a\xff "), "a\xff");  // ill-formed bytes are no blanks, and no trap
}

TEST(PythonTextTest, Case) {
  EXPECT_EQ(LowerText("ÀÉ ΟΔΟΣ Σ İ"), "àé οδος σ i̇");
  EXPECT_EQ(CapitalizeText("the NASA crew"), "The nasa crew");
  EXPECT_EQ(CapitalizeText("éTÉ"), "Été");
  EXPECT_EQ(CapitalizeText(""), "");
  EXPECT_EQ(CountCodePoints("aé漢𝄞"), 4U);
  EXPECT_EQ(ReplaceAll("a   b", "  ", " "), "a  b");
}

TEST(AnswersTest, Normalisation) {
  EXPECT_EQ(NormalizeAnswer("The U.S.A., an \u201capple\u201d a  day"),
            "usa \u201capple\u201d day");
  EXPECT_EQ(NormalizeAnswer("\u201cthe\u201d theatre"), "\u201c \u201d theatre");
  EXPECT_EQ(NormalizeAnswer("a the an"), "");
}

// Each as regex.sub(r"\b(a|an|the)\b", " ", text) of Python's `regex` module has it.
TEST(AnswersTest, ArticlesAreWholeWordsOfTheRegexModule) {
  EXPECT_EQ(NormalizeAnswer("the\u0301 x"), "the\u0301 x");  // a mark
  EXPECT_EQ(NormalizeAnswer("a\u203fb x"), "a\u203fb x");    // a connector
  EXPECT_EQ(NormalizeAnswer("a\u200db x"), "a\u200db x");    // a joiner
  EXPECT_EQ(NormalizeAnswer("a\u2167 x"), "a\u2177 x");      // a letter number
  EXPECT_EQ(NormalizeAnswer("a\u0967 x"), "a\u0967 x");      // a decimal number
  EXPECT_EQ(NormalizeAnswer("a\u00b2 x"), "\u00b2 x");       // another number
  EXPECT_EQ(NormalizeAnswer("the\u00bd x"), "\u00bd x");     // another number
  EXPECT_EQ(NormalizeAnswer("the\u2014an x"), "\u2014 x");   // a dash
}

TEST(AnswersTest, TheFirstLineIsCutThenStripped) {
  EXPECT_EQ(FirstLine(" Paris. \nDocument [1]"), "Paris.");
  EXPECT_EQ(FirstLine("\n\n Paris. \nDocument [1]"), "");
  EXPECT_EQ(BestSubspanEm(" Paris\n", {"paris"}), 1);
  EXPECT_EQ(BestSubspanEm("\nParis", {"paris"}), 0);
  EXPECT_EQ(BestSubspanEm("x\nParis", {"paris"}), 0);
}

TEST(AnswersTest, BestSubspanEmGolden) {
  MEAP_NEEDS_SHARED();
  for (const DataItem& line : testing::Golden("best_subspan_em.jsonl")) {
    const std::string response = line.Text("model_answer");
    EXPECT_EQ(FirstLine(response), line.Text("first_line"));
    EXPECT_EQ(NormalizeAnswer(FirstLine(response)), line.Text("normalized"));
    std::vector<std::string> normalized;
    for (const std::string& answer : line.Texts("answers")) {
      normalized.push_back(NormalizeAnswer(answer));
    }
    EXPECT_EQ(normalized, line.Texts("normalized_answers"));
    EXPECT_EQ(BestSubspanEm(response, line.Texts("answers")), line.object().at("score"))
        << line.place();
  }
}

TEST(AnswersTest, MultiNeedleScoresGolden) {
  MEAP_NEEDS_SHARED();
  for (const DataItem& line : testing::Golden("needlebench_mrs_scoring.jsonl")) {
    EXPECT_NEAR(AnswerWordsFound(line.Text("prediction"), line.Text("answer")),
                line.object().at("score").get<double>(), 1e-9)
        << line.place();
  }
}

TEST(AnswersTest, ValuesAndBoxes) {
  EXPECT_EQ(ContainsValue("It is ABC-1.\nMore", "abc-1"), 1);
  EXPECT_EQ(ContainsValue("It is ab c", "abc"), 0);
  EXPECT_EQ(BoxedAnswer("so \\boxed{A} or \\boxed{\\text{James  Hill}}."), "James Hill");
  EXPECT_EQ(BoxedAnswer("\\boxed{a{b}c}"), "a{b}c");
  EXPECT_EQ(BoxedAnswer("\\boxed{open"), std::nullopt);
  EXPECT_EQ(BoxedAnswer("none"), std::nullopt);
  EXPECT_EQ(AnswerWordsFound("anything", " "), 0);
}

}  // namespace
}  // namespace meap
