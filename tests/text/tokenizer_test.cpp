// Tokenizer's promises that goldens do not show: streaming, batches, saving, hashes, ill-formed
// text.
#include "text/tokenizer.h"

#include <gmock/gmock.h>
#include <rapidcheck.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "core/files.h"
#include "core/strings.h"
#include "tests/support.h"
#include "text/tokenizer_config.h"

namespace meap {
namespace {

using ::meap::testing::Fixture;
using ::meap::testing::TempDir;
using nlohmann::json;

std::vector<fs::path> JsonFixtures() {
  std::vector<fs::path> folders;
  for (const auto& entry : fs::directory_iterator(Fixture("tokenizers"))) {
    if (fs::exists(entry.path() / "tokenizer.json")) folders.push_back(entry.path());
  }
  return folders;
}

TEST(TokenizerTest, StreamedPiecesAreWholeCharactersAndJoinToTheText) {
  for (const fs::path& folder : JsonFixtures()) {
    const Tokenizer tokenizer = Tokenizer::Load(folder);
    EXPECT_TRUE(rc::check(folder.filename().string(), [&] {
      const auto ids = *rc::gen::container<std::vector<int32_t>>(
          rc::gen::inRange<int32_t>(-1, tokenizer.VocabSize() + 1));
      const bool skip = *rc::gen::arbitrary<bool>();
      StreamDecoder decoder(tokenizer, skip);
      for (int round = 0; round < 2; ++round) {  // Finish() starts anew
        std::string text;
        for (const int32_t id : ids) {
          const std::string piece = decoder.Push(id);
          RC_ASSERT(IsValidUtf8(piece));
          text += piece;
        }
        RC_ASSERT(text + decoder.Finish() == tokenizer.Decode(ids, skip));
      }
    }));
  }
}

TEST(TokenizerTest, ByteLevelTextComesBack) {
  const Tokenizer tokenizer = Tokenizer::Load(Fixture("tokenizers") / "o200k");
  EXPECT_TRUE(rc::check([&](const std::vector<uint32_t>& numbers) {
    std::string text;
    for (const uint32_t number : numbers) {
      const uint32_t c = number % 0x110000;
      AppendUtf8(c >= 0xD800 && c < 0xE000 ? 0xFFFD : c, text);
    }
    RC_ASSERT(tokenizer.Decode(tokenizer.Encode(text, false), false) == text);
  }));
}

TEST(TokenizerTest, IllFormedTextCountsAsReplacementCharacters) {
  const Tokenizer tokenizer = Tokenizer::Load(Fixture("tokenizers") / "cl100k");
  // Maximal parts, as Python's errors="replace" has them.
  const std::pair<std::string, std::string> cases[] = {
      {"a\xFF", "a\xEF\xBF\xBD"},
      {"\xE4\xBD x", "\xEF\xBF\xBD x"},
      {"\xED\xA0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
      {"\xF0\x9F\x99", "\xEF\xBF\xBD"},
      {"\xC0\xAF", "\xEF\xBF\xBD\xEF\xBF\xBD"},
      {"\xF4\x90\x80\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"}};
  for (const auto& [broken, mended] : cases) {
    EXPECT_EQ(tokenizer.Encode(broken, false), tokenizer.Encode(mended, false));
  }
}

TEST(TokenizerTest, BatchesAndAppendingGiveTheSameIds) {
  const Tokenizer tokenizer = Tokenizer::Load(Fixture("tokenizers") / "metaspace-first");
  std::vector<std::string> texts;
  for (int i = 0; i < 200; ++i) texts.push_back("text number " + std::to_string(i * i) + " end");
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  const auto batch = tokenizer.EncodeBatch(views, true, 4);
  std::vector<int32_t> appended;
  std::vector<int32_t> joined;
  for (size_t i = 0; i < texts.size(); ++i) {
    EXPECT_EQ(batch[i], tokenizer.Encode(texts[i], true));
    tokenizer.Encode(texts[i], true, appended);
    joined.insert(joined.end(), batch[i].begin(), batch[i].end());
  }
  EXPECT_EQ(appended, joined);
}

TEST(TokenizerTest, LongWordsTakeNoLongerThanTheirLength) {
  // Quadratic time would be minutes; the merges of "a" make the heap work.
  const Tokenizer tokenizer = Tokenizer::FromJson(R"({"added_tokens": [], "model": {"type": "BPE",
    "vocab": {"a": 0, "aa": 1, "aaaa": 2, "b": 3}, "merges": ["a a", "aa aa"]}})");
  const std::vector<int32_t> ids = tokenizer.Encode(std::string(1'000'003, 'a') + "b", false);
  EXPECT_EQ(ids.size(), 250'003U);
  EXPECT_EQ(ids[250'000], 1);
  EXPECT_EQ(ids[250'001], 0);
  EXPECT_EQ(ids[250'002], 3);
}

TEST(TokenizerTest, SavingWithoutAChangeCopiesBytes) {
  for (const fs::path& folder : JsonFixtures()) {
    const TempDir dir;
    fs::create_directories(dir / "a");
    std::ofstream(dir / "a" / "tokenizer.json")
        << WithStringMerges(ReadFile(folder / "tokenizer.json", "test"));
    std::ofstream(dir / "a" / "tokenizer_config.json")
        << "{ \"eos_token\" :null, \"chat_template\":\"\"}";
    std::ofstream(dir / "a" / "chat_template.jinja") << "{{ messages }}\n";
    const Tokenizer tokenizer = Tokenizer::Load(dir / "a");
    EXPECT_EQ(tokenizer.chat_template(), "{{ messages }}\n");
    tokenizer.Save(dir / "b");
    for (const char* name : {"tokenizer.json", "tokenizer_config.json", "chat_template.jinja"}) {
      EXPECT_EQ(ReadFile(dir / "a" / name, "test"), ReadFile(dir / "b" / name, "test"));
    }
  }
}

TEST(TokenizerTest, NumbersThatTransformersWritesAreRead) {
  const fs::path folder = Fixture("tokenizers") / "qwen2";
  const Tokenizer tokenizer = Tokenizer::FromJson(
      ReadFile(folder / "tokenizer.json", "test"),
      R"({"model_max_length": 1000000000000000019884624838656, "eos_token": "</s>"})");
  EXPECT_EQ(tokenizer.eos(), 1);
}

TEST(TokenizerTest, MaskTokensAreAddedToEveryKind) {
  for (const fs::path& folder : JsonFixtures()) {
    const TempDir dir;
    Tokenizer tokenizer = Tokenizer::Load(folder);
    const std::string before = tokenizer.ContentHash();
    const std::vector<int32_t> ids = tokenizer.Encode("Hello [ MASK ] it's", true);
    const int32_t size = tokenizer.VocabSize();
    EXPECT_EQ(tokenizer.AddMaskToken(), size) << folder;
    EXPECT_EQ(tokenizer.AddMaskToken(), size);  // once is enough
    EXPECT_EQ(tokenizer.Encode("Hello [ MASK ] it's", true), ids);
    EXPECT_NE(tokenizer.ContentHash(), before);
    tokenizer.Save(dir / "a");
    const Tokenizer saved = Tokenizer::Load(dir / "a");
    EXPECT_EQ(saved.mask(), size);
    EXPECT_TRUE(saved.IsSpecial(size));
    EXPECT_EQ(saved.VocabSize(), size + 1);
    EXPECT_EQ(saved.ContentHash(), tokenizer.ContentHash());
    EXPECT_EQ(saved.Encode("a[MASK]b", false), tokenizer.Encode("a[MASK]b", false));
    EXPECT_THAT(saved.Encode("a[MASK]b", false), ::testing::Contains(size));
  }
}

TEST(TokenizerTest, AMaskThatIsThereIsTaken) {
  json root = json::parse(ReadFile(Fixture("tokenizers") / "qwen2" / "tokenizer.json", "test"));
  json mask = root["added_tokens"][0];
  mask["id"] = 420;
  mask["content"] = "[MASK]";
  root["added_tokens"].push_back(mask);
  Tokenizer tokenizer = Tokenizer::FromJson(root.dump());
  EXPECT_EQ(tokenizer.mask(), std::nullopt);
  const int32_t size = tokenizer.VocabSize();
  EXPECT_EQ(tokenizer.AddMaskToken(), *tokenizer.TokenToId("[MASK]"));
  EXPECT_EQ(tokenizer.VocabSize(), size);
  EXPECT_EQ(Tokenizer::FromJson(root.dump(), R"({"mask_token": "<s>"})").mask(), 0);
}

TEST(JsonPatchTest, AppendsAndKeepsEveryOtherByte) {
  const std::pair<std::string, std::string> cases[] = {
      {R"({"k": []})", R"({"k": [7]})"},
      {R"({"k":[1, [2,{"k":3}]] })", R"({"k":[1, [2,{"k":3}], 7] })"},
      {"{\"a\\\"k\": [\"]\"],\n \"k\": [\n  1\n ],\n \"b\": -1.5e3}",
       "{\"a\\\"k\": [\"]\"],\n \"k\": [\n  1, 7\n ],\n \"b\": -1.5e3}"},
      {R"({"b": {"k": [1]}, "c": true})", R"({"k": [7], "b": {"k": [1]}, "c": true})"},
      {R"({"k": null, "b": "x"})", R"({"k": [7], "b": "x"})"},
      {"{}", R"({"k": [7]})"}};
  for (const auto& [before, after] : cases) {
    EXPECT_EQ(AppendToTopLevelArray(before, "k", "7"), after);
  }
}

}  // namespace
}  // namespace meap
