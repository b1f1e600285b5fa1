// Where tokens start in their text.
#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/support.h"
#include "text/tokenizer.h"

namespace meap {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

std::vector<std::string> GoldenTexts(const fs::path& dir) {
  std::vector<std::string> texts;
  std::ifstream file(dir / "golden.jsonl");
  for (std::string line; std::getline(file, line);) texts.push_back(json::parse(line)["text"]);
  return texts;
}

/// Without blanks, in either of their written forms: SentencePiece models add and drop some.
std::string Letters(std::string_view text) {
  std::string letters;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i).starts_with("\xE2\x96\x81")) {
      i += 2;
    } else if (text[i] != ' ') {
      letters += text[i];
    }
  }
  return letters;
}

/// The ids must be Encode()'s, and the ids before each start must decode to the text before it.
std::string Check(const Tokenizer& tokenizer, const std::string& text) {
  std::vector<size_t> starts;
  const std::vector<int32_t> ids = tokenizer.EncodeWithStarts(text, starts);
  if (ids != tokenizer.Encode(text, false)) return "other ids than Encode()";
  if (starts.size() != ids.size()) return "not one start for each id";
  if (!std::is_sorted(starts.begin(), starts.end())) return "starts out of order";
  // Without a token for every byte (SmolLM2 has none for some control characters), text gets lost.
  if (Letters(tokenizer.Decode(ids, false)) != Letters(text)) return "";
  for (size_t i = 0; i < ids.size(); ++i) {
    const std::string before = tokenizer.Decode(std::span(ids).first(i), false);
    // Characters cut in two by tokens decode to U+FFFD.
    if (before.find("\xEF\xBF\xBD") != std::string::npos) continue;
    if (Letters(before) == Letters(std::string_view(text).substr(0, starts[i]))) continue;
    return "token " + std::to_string(i) + " at " + std::to_string(starts[i]) + " after '" + before +
           "'";
  }
  return "";
}

class TokenStartsTest : public ::testing::TestWithParam<const char*> {};

TEST_P(TokenStartsTest, TextBeforeEachTokenIsWhatTheTokensBeforeItDecodeTo) {
  MEAP_NEEDS_SHARED();
  const fs::path dir = testing::SharedRoot() / "data" / "tokenizers" / GetParam();
  const Tokenizer tokenizer = Tokenizer::Load(dir);
  int checked = 0;
  for (const std::string& text : GoldenTexts(dir)) {
    if (text.size() > 600) continue;  // the check takes time that grows with the square
    EXPECT_EQ(Check(tokenizer, text), "") << text;
    ++checked;
  }
  EXPECT_GT(checked, 100);
}

INSTANTIATE_TEST_SUITE_P(All, TokenStartsTest,
                         ::testing::Values("byte-bpe-8k", "sp-bpe-4k", "smollm2", "gpt2", "llama3",
                                           "mistral-v3"));

TEST(TokenStartsOddTest, SentencePieceModelsTellThemToo) {
  MEAP_NEEDS_SHARED();
  const fs::path from = testing::SharedRoot() / "data" / "tokenizers" / "sp-bpe-4k";
  const testing::TempDir dir;
  fs::copy_file(from / "tokenizer.model", dir / "tokenizer.model");
  const Tokenizer tokenizer = Tokenizer::Load(dir.path());
  int checked = 0;
  for (const std::string& text : GoldenTexts(from)) {
    // Control tokens are found in the text by this call alone.
    if (text.size() > 600 || text.find_first_of("<[") != std::string::npos) continue;
    EXPECT_EQ(Check(tokenizer, text), "") << text;
    ++checked;
  }
  EXPECT_GT(checked, 100);
  std::vector<size_t> starts;
  const std::vector<int32_t> ids = tokenizer.EncodeWithStarts("<s> Hi</s>", starts);
  EXPECT_EQ(ids.front(), tokenizer.bos());
  EXPECT_EQ(ids.back(), tokenizer.eos());
  EXPECT_EQ(starts.back(), 6u);
}

Tokenizer Characters(const std::string& parts) {
  return Tokenizer::FromJson(
      R"({"added_tokens":[{"id":9,"content":"<e>","single_word":false,"lstrip":false,)"
      R"("rstrip":false,"normalized":false,"special":true}],)" +
      parts +
      R"(,"model":{"type":"BPE","unk_token":"?","fuse_unk":true,)"
      R"("vocab":{"?":0,"a":1,"b":2,"ab":3,"\u00e9":4,"\u2581":5,"e":6,"\u0301":7},)"
      R"("merges":[["a","b"]]}})");
}

std::vector<size_t> StartsOf(const Tokenizer& tokenizer, std::string_view text) {
  std::vector<size_t> starts;
  tokenizer.EncodeWithStarts(text, starts);
  return starts;
}

TEST(TokenStartsOddTest, NormalFormsAreTracedBack) {
  const Tokenizer nfc = Characters(R"("normalizer":{"type":"NFC"})");
  // e and U+0301 become one character; "ab" follows them.
  EXPECT_EQ(StartsOf(nfc, "ae\u0301ab<e>b"), (std::vector<size_t>{0, 1, 4, 6, 9}));
  const Tokenizer nfd = Characters(R"("normalizer":{"type":"NFD"})");
  EXPECT_EQ(StartsOf(nfd, "a\u00e9ab"), (std::vector<size_t>{0, 1, 1, 3}));
}

TEST(TokenStartsOddTest, StripReplaceAndPrependAreTracedBack) {
  const Tokenizer strip =
      Characters(R"("normalizer":{"type":"Strip","strip_left":true,"strip_right":true})");
  EXPECT_EQ(StartsOf(strip, "  ab a "), (std::vector<size_t>{2, 4, 5}));
  const Tokenizer llama = Characters(
      R"("normalizer":{"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"\u2581"},)"
      R"({"type":"Replace","pattern":{"String":" "},"content":"\u2581"}]})");
  EXPECT_EQ(StartsOf(llama, "ab a"), (std::vector<size_t>{0, 0, 2, 3}));
  EXPECT_EQ(StartsOf(llama, "ab<e> a"), (std::vector<size_t>{0, 0, 2, 5, 5, 6}));
}

TEST(TokenStartsOddTest, UnknownCharactersHoldTheirPlace) {
  const Tokenizer plain = Characters(R"("normalizer":null)");
  EXPECT_EQ(StartsOf(plain, "aXYZab"), (std::vector<size_t>{0, 1, 4}));
  EXPECT_EQ(StartsOf(plain, "XYZ<e>ab"), (std::vector<size_t>{0, 3, 6}));
}

TEST(TokenStartsOddTest, WhiteSpaceThatIsLeftOutIsStepped) {
  const Tokenizer split = Characters(R"("pre_tokenizer":{"type":"WhitespaceSplit"})");
  EXPECT_EQ(StartsOf(split, " ab   a b"), (std::vector<size_t>{1, 6, 8}));
}

TEST(TokenStartsOddTest, InvalidUtf8IsAnError) {
  const Tokenizer plain = Characters(R"("normalizer":null)");
  std::vector<size_t> starts;
  EXPECT_EQ(testing::ErrorOf([&] { plain.EncodeWithStarts("a\xFF", starts); }).expected, "UTF-8");
}

}  // namespace
}  // namespace meap
