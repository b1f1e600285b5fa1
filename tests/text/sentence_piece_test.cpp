// tokenizer.model without a tokenizer.json beside it.
#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/files.h"
#include "tests/support.h"
#include "text/tokenizer.h"

namespace meap {
namespace {

using ::meap::testing::ErrorOf;
using ::meap::testing::TempDir;
using nlohmann::json;
using ::testing::HasSubstr;

/// A folder with the shared BPE model alone, and its configuration.
void CopyModel(const fs::path& to) {
  const fs::path from = testing::SharedRoot() / "data" / "tokenizers" / "sp-bpe-4k";
  fs::create_directories(to);
  fs::copy_file(from / "tokenizer.model", to / "tokenizer.model");
  fs::copy_file(from / "tokenizer_config.json", to / "tokenizer_config.json");
}

std::vector<json> Golden() {
  std::ifstream file(testing::SharedRoot() / "data" / "tokenizers" / "sp-bpe-4k" / "golden.jsonl");
  std::vector<json> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(json::parse(line));
  return lines;
}

bool HasSpecial(const std::string& text) {
  for (const char* special : {"<unk>", "<s>", "</s>", "<pad>", "[MASK]"}) {
    if (text.find(special) != std::string::npos) return true;
  }
  return false;
}

TEST(SentencePieceTest, EncodesAndDecodesTheGoldens) {
  MEAP_NEEDS_SHARED();
  const TempDir dir;
  CopyModel(dir / "a");
  const Tokenizer tokenizer = Tokenizer::Load(dir / "a");
  EXPECT_EQ(tokenizer.VocabSize(), 4096);
  EXPECT_EQ(tokenizer.mask(), 4);
  EXPECT_TRUE(tokenizer.AddsBos());
  int compared = 0;
  for (const json& line : Golden()) {
    const auto text = line["text"].get<std::string>();
    const auto ids = line["ids"].get<std::vector<int32_t>>();
    EXPECT_EQ(tokenizer.Decode(ids, false), line["decoded"].get<std::string>());
    EXPECT_EQ(tokenizer.Decode(ids, true), line["decoded_skip_special"].get<std::string>());
    if (HasSpecial(text)) continue;
    EXPECT_EQ(tokenizer.Encode(text, false), ids) << text;
    EXPECT_EQ(tokenizer.Encode(text, true), line["ids_with_special"].get<std::vector<int32_t>>());
    ++compared;
  }
  EXPECT_GT(compared, 400);
}

TEST(SentencePieceTest, SavesAnEquivalentTokenizerJson) {
  MEAP_NEEDS_SHARED();
  const TempDir dir;
  CopyModel(dir / "a");
  Tokenizer::Load(dir / "a").Save(dir / "b");
  EXPECT_EQ(ReadFile(dir / "a" / "tokenizer.model", "test"),
            ReadFile(dir / "b" / "tokenizer.model", "test"));
  const Tokenizer tokenizer = Tokenizer::Load(dir / "b");
  for (const json& line : Golden()) {
    const auto text = line["text"].get<std::string>();
    EXPECT_EQ(tokenizer.Encode(text, false), line["ids"].get<std::vector<int32_t>>()) << text;
    EXPECT_EQ(tokenizer.Encode(text, true), line["ids_with_special"].get<std::vector<int32_t>>());
  }
}

TEST(SentencePieceTest, UnigramModelsStandAlone) {
  const TempDir dir;
  Tokenizer tokenizer = Tokenizer::Load(testing::Fixture("tokenizers") / "sp-unigram");
  tokenizer.Save(dir / "a");
  EXPECT_FALSE(fs::exists(dir / "a" / "tokenizer.json"));
  EXPECT_EQ(Tokenizer::Load(dir / "a").Encode("Hello", true), tokenizer.Encode("Hello", true));
  const int32_t mask = tokenizer.AddMaskToken();
  EXPECT_EQ(mask, Tokenizer::Load(dir / "a").VocabSize());
  const std::vector<int32_t> ids = tokenizer.Encode("a[MASK]", false);
  EXPECT_EQ(ids.back(), mask);
  // transformers has no way to be told of the new token.
  EXPECT_EQ(ErrorOf([&] { tokenizer.Save(dir / "b"); }, ExitCode::kFailed).got, "a unigram model");
  EXPECT_FALSE(fs::exists(dir / "b"));
}

TEST(SentencePieceTest, NamesItsOwnSpecialTokens) {
  const TempDir dir;
  fs::copy(testing::Fixture("tokenizers") / "sp-unigram", dir / "a");
  fs::remove(dir / "a" / "tokenizer_config.json");
  const Tokenizer tokenizer = Tokenizer::Load(dir / "a");
  EXPECT_EQ(tokenizer.unk(), 0);
  EXPECT_EQ(tokenizer.bos(), 1);
  EXPECT_EQ(tokenizer.eos(), 2);
  EXPECT_TRUE(tokenizer.AddsBos());
}

/// The shared model alone, without a [MASK] in it.
void WriteModelWithoutMask(const fs::path& folder) {
  CopyModel(folder);
  fs::remove(folder / "tokenizer_config.json");
  std::string bytes = ReadFile(folder / "tokenizer.model", "test");
  bytes.replace(bytes.find("[MASK]"), 6, "[MISC]");
  std::ofstream(folder / "tokenizer.model") << bytes;
}

TEST(SentencePieceTest, WhatIsSavedNamesItsTokensAndKnowsItsData) {
  MEAP_NEEDS_SHARED();
  for (const bool masked : {false, true}) {
    const TempDir dir;
    WriteModelWithoutMask(dir / "a");
    Tokenizer tokenizer = Tokenizer::Load(dir / "a");
    const std::string hash = tokenizer.ContentHash();
    if (masked) tokenizer.AddMaskToken();
    EXPECT_EQ(tokenizer.VocabSize(), masked ? 4097 : 4096);
    tokenizer.Save(dir / "b");
    const Tokenizer saved = Tokenizer::Load(dir / "b");
    EXPECT_TRUE(saved.eos() && saved.AddsBos());
    EXPECT_EQ(saved.eos(), tokenizer.eos());
    EXPECT_EQ(saved.bos(), tokenizer.bos());
    EXPECT_EQ(saved.mask(), tokenizer.mask());
    for (const auto& known : {tokenizer.DataHashes(), saved.DataHashes()}) {
      EXPECT_NE(std::find(known.begin(), known.end(), hash), known.end()) << masked;
    }
    const json root = json::parse(ReadFile(dir / "b" / "tokenizer.json", "test"));
    for (const json& merge : root["model"]["merges"]) ASSERT_TRUE(merge.is_string()) << merge;
  }
}

TEST(SentencePieceTest, TokensBesideTheModelAreAddedToIt) {
  MEAP_NEEDS_SHARED();
  const TempDir dir;
  WriteModelWithoutMask(dir / "a");
  const json start = {{"content", "<|im_start|>"}, {"special", true}};
  std::ofstream(dir / "a" / "tokenizer_config.json") << json{
      {"added_tokens_decoder", {{"1", {{"content", "<s>"}, {"special", true}}}, {"4096", start}}}};
  std::ofstream(dir / "a" / "added_tokens.json") << json{{"<|im_start|>", 4096}, {"<call>", 4097}};
  Tokenizer tokenizer = Tokenizer::Load(dir / "a");
  EXPECT_EQ(tokenizer.VocabSize(), 4098);
  const std::string text = "<|im_start|>user<call>";
  const std::vector<int32_t> ids = tokenizer.Encode(text, false);
  EXPECT_EQ(ids.front(), 4096);
  EXPECT_EQ(ids.back(), 4097);
  EXPECT_TRUE(tokenizer.IsSpecial(4096));
  EXPECT_FALSE(tokenizer.IsSpecial(4097));
  EXPECT_EQ(tokenizer.Decode(ids, true), "user<call>");
  EXPECT_EQ(tokenizer.AddMaskToken(), 4098);
  tokenizer.Save(dir / "b");
  const Tokenizer saved = Tokenizer::Load(dir / "b");
  EXPECT_EQ(saved.Encode(text, true), tokenizer.Encode(text, true));
  EXPECT_EQ(saved.TokenToId("[MASK]"), 4098);
  const std::string hash = Tokenizer::Load(dir / "a").ContentHash();
  for (const auto& known : {tokenizer.DataHashes(), saved.DataHashes()}) {
    EXPECT_NE(std::find(known.begin(), known.end(), hash), known.end());
  }
}

TEST(SentencePieceTest, TokensThatCannotBeAddedAreRefused) {
  MEAP_NEEDS_SHARED();
  for (const json& tokens : {json{{"<x>", 4099}}, json{{"<s>", 4096}}}) {
    const TempDir dir;
    WriteModelWithoutMask(dir / "a");
    std::ofstream(dir / "a" / "added_tokens.json") << tokens;
    EXPECT_THAT(ErrorOf([&] { Tokenizer::Load(dir / "a"); }).hint, HasSubstr("AutoTokenizer"));
  }
}

TEST(SentencePieceTest, BrokenModelsAreNamed) {
  const TempDir dir;
  fs::create_directories(dir / "a");
  const fs::path file = dir / "a" / "tokenizer.model";
  for (const std::string& bytes : {std::string("version https://git-lfs.github.com/spec/v1\n"),
                                   std::string("\x0A\xFF\x01"), std::string()}) {
    std::ofstream(file) << bytes;
    EXPECT_EQ(ErrorOf([&] { Tokenizer::Load(dir / "a"); }).where, file.string());
  }
}

}  // namespace
}  // namespace meap
