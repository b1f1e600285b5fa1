#include "text/regex.h"

#include <gmock/gmock.h>

#include <random>

#include "core/strings.h"
#include "tests/support.h"
#include "text/scanner.h"

namespace meap {
namespace {

using ::meap::testing::ErrorOf;

std::vector<std::string> Matches(const Regex& regex, std::string_view text) {
  std::vector<std::string> found;
  Regex::Cursor cursor;
  size_t begin = 0;
  size_t end = 0;
  while (regex.Find(text, cursor, begin, end)) {
    found.emplace_back(text.substr(begin, end - begin));
  }
  return found;
}

/// Characters from the borders of the patterns' classes.
std::string RandomText(std::mt19937& random) {
  static const std::vector<std::string> kPieces = {"a",
                                                   "Z",
                                                   "s",
                                                   "'s",
                                                   "'S",
                                                   "'\xC5\xBF",
                                                   "'ll",
                                                   "'Re",
                                                   "'",
                                                   " ",
                                                   "  ",
                                                   "\n",
                                                   "\r\n",
                                                   "\t",
                                                   "1",
                                                   "23",
                                                   ".",
                                                   "!?",
                                                   "\xC3\xA9",
                                                   "\xC2\xA0",
                                                   "\xE2\x80\x83",
                                                   "\xE3\x80\x80",
                                                   "_",
                                                   "\xCC\x81",
                                                   "\xC2\xBD",
                                                   "\xD9\xA3",
                                                   "\xE4\xBD\xA0",
                                                   "\xF0\x9F\x99\x82",
                                                   "\x00",
                                                   "\xE2\x80\x8D",
                                                   "\xC2\x85",
                                                   "\xE2\x80\xA8"};
  std::string text;
  const size_t count = random() % 12;
  for (size_t i = 0; i < count; ++i) {
    if (random() % 4 == 0) {
      uint32_t c = random() % 0x110000;
      if (c >= 0xD800 && c < 0xE000) c = 0xFFFD;
      AppendUtf8(random() % 2 == 0 ? c % 0x3000 : c, text);
    } else {
      text += kPieces[random() % kPieces.size()];
    }
  }
  return text;
}

TEST(ScannerTest, FindsWhatTheRegularExpressionsFind) {
  const Regex gpt2(kGpt2Pattern, "test");
  const Regex llama3(kLlama3Pattern, "test");
  const Regex qwen2(kQwen2Pattern, "test");
  std::mt19937 random(11);
  for (int i = 0; i < 20000; ++i) {
    const std::string text = RandomText(random);
    std::vector<std::string> words;
    const auto emit = [&](std::string_view word) { words.emplace_back(word); };
    ScanGpt2(text, emit);
    ASSERT_EQ(words, Matches(gpt2, text)) << i << ": " << text;
    words.clear();
    ScanLlama3(text, 3, emit);
    ASSERT_EQ(words, Matches(llama3, text)) << i << ": " << text;
    words.clear();
    ScanLlama3(text, 1, emit);
    ASSERT_EQ(words, Matches(qwen2, text)) << i << ": " << text;
  }
}

TEST(RegexTest, PassesEmptyMatchesAsTheReferenceDoes) {
  EXPECT_THAT(Matches(Regex("x*", "test"), "axxb"), ::testing::ElementsAre("", "xx", ""));
}

TEST(RegexTest, TakesAnchorsForEachLine) {
  EXPECT_THAT(Matches(Regex("^.", "test"), "ab\nc\n"), ::testing::ElementsAre("a", "c"));
  EXPECT_THAT(Matches(Regex(".$", "test"), "ab\nc\n"), ::testing::ElementsAre("b", "c"));
  EXPECT_THAT(Matches(Regex("\\s+$", "test"), " a \n \nb  "), ::testing::ElementsAre(" \n ", "  "));
}

TEST(RegexTest, TakesTheMembersOfAClassInsideAClassIn) {
  EXPECT_THAT(Matches(Regex("[^(\\s|[.,]]+", "test"), "a.b|c d"),
              ::testing::ElementsAre("a", "b", "c", "d"));
  EXPECT_THAT(Matches(Regex("[a[^b-z]]+", "test"), "abAz-"), ::testing::ElementsAre("a", "A", "-"));
}

TEST(RegexTest, FindsWhatThePatternSaysWherePcresCompilerDoesNot) {
  EXPECT_THAT(Matches(Regex("(?:[^a]|)[\\s[^a-b]]*b{1,2}", "test"), "aba"),
              ::testing::ElementsAre("b"));
  EXPECT_THAT(Matches(Regex("(?>[ab]+?)\\.", "test"), "ab."), ::testing::ElementsAre("b."));
  EXPECT_THAT(Matches(Regex("(?>b*|)b", "test"), "bbb"), ::testing::IsEmpty());
}

TEST(RegexTest, RefusesWhatMayMeanSomethingElse) {
  for (const char* pattern :
       {"^*",     "a$+",    "[a&&b]",  "[[:alpha:]]",   "\\p{Greek}", "\\h",        "\\b",
        "a{2}+",  "(?m:a)", "(?i:ss)", "(?i:\xC3\xA9)", "(?i:[^a])",  "(?<name>a)", "a**",
        "(a",     "a)",     "[a",      "[b-a]",         "x{,2}",      "*a",         "\\",
        "[]",     "a(?i)b", "\\p",     "\\uD800",       "\\x{41}",    "[a[b]",      "[[a]-z]",
        "[a-[b]]"}) {
    const ErrorParts error = ErrorOf([&] { Regex(pattern, "FILE: KEY"); });
    EXPECT_EQ(error.where.rfind("FILE: KEY", 0), 0U) << pattern << ": " << error.where;
    EXPECT_EQ(error.got, pattern);
  }
}

TEST(RegexTest, RefusesClassesWithoutEnd) {
  EXPECT_THAT(ErrorOf([] { Regex(std::string(1'000'000, '['), "test"); }).what,
              ::testing::HasSubstr("more than 32 deep"));
}

TEST(RegexTest, KnowsTheReferencesUnicode) {
  // U+1C89 is a letter since Unicode 16, U+11DE0 a digit for Rust but not yet for Oniguruma.
  EXPECT_THAT(Matches(Regex("\\p{Lu}", "test"), "a\xE1\xB2\x89"),
              ::testing::ElementsAre("\xE1\xB2\x89"));
  EXPECT_THAT(Matches(Regex("\\p{N}", "test"), "\xF0\x91\xB7\xA0"), ::testing::IsEmpty());
  EXPECT_NE(unicode::ClassTable()[0x11DE0] & unicode::kNumeric, 0);
}

}  // namespace
}  // namespace meap
