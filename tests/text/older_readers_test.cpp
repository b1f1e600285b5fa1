// What is saved is what versions of transformers and tokenizers from 4.40 and 0.19 on read.
#include <gmock/gmock.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "core/files.h"
#include "tests/support.h"
#include "text/bpe_trainer.h"
#include "text/tokenizer.h"
#include "text/tokenizer_config.h"

namespace meap {
namespace {

using ::meap::testing::Fixture;
using ::meap::testing::TempDir;
using nlohmann::json;

json ReadJson(const fs::path& file) { return json::parse(ReadFile(file, "test")); }

std::string WithMerges(const std::string& merges) {
  return R"({"version": "1.0", "added_tokens": [], "model": {"vocab": {"[": 0}, "merges": )" +
         merges + "}}";
}

TEST(WithStringMerges, ChangesMergesAlone) {
  EXPECT_EQ(WithStringMerges(WithMerges(R"([["a", "b"],
  [ "\"" , "\u00e9]" ], "c d"])")),
            WithMerges(R"(["a b",
  "\" \u00e9]", "c d"])"));
  for (const char* same : {R"(["a b", "c d"])", "[]", "null", R"([["a b", "c"]])",
                           R"([["x", "y"], ["a\u0020b", "c"]])", R"([["#version", "s"]])"}) {
    EXPECT_EQ(WithStringMerges(WithMerges(same)), WithMerges(same));
  }
  EXPECT_EQ(WithStringMerges(R"({"model": {}})"), R"({"model": {}})");
}

TEST(OlderReaders, EverySavedTokenizerHasStringMerges) {
  const TempDir dir;
  WordCounts counts;
  counts.words = {{"abc", 5}, {"ab", 3}};
  BpeTrainOptions options;
  options.vocab_size = 262;
  TrainByteLevelBpe(counts, options).Save(dir / "trained");
  Tokenizer::Load(Fixture("tokenizers") / "qwen2").Save(dir / "copied");
  for (const char* name : {"trained", "copied"}) {
    const json merges = ReadJson(dir / name / "tokenizer.json")["model"]["merges"];
    ASSERT_FALSE(merges.empty()) << name;
    for (const json& merge : merges) EXPECT_TRUE(merge.is_string()) << name << merge;
  }
  const Tokenizer before = Tokenizer::Load(Fixture("tokenizers") / "qwen2");
  const Tokenizer after = Tokenizer::Load(dir / "copied");
  const std::string text = "Hello world, it's 2024\n";
  EXPECT_EQ(after.Encode(text, true), before.Encode(text, true));
  EXPECT_EQ(after.ContentHash(), before.ContentHash());
}

TEST(OlderReaders, FilesOfVersionFiveAreTranslated) {
  const TempDir dir;
  fs::create_directories(dir / "a");
  fs::copy_file(Fixture("tokenizers") / "qwen2" / "tokenizer.json", dir / "a" / "tokenizer.json");
  std::ofstream(dir / "a" / "tokenizer_config.json")
      << R"({"backend": "tokenizers", "tokenizer_class": "TokenizersBackend", "eos_token": null,)"
      << R"( "extra_special_tokens": ["<x>", "<y>"], "additional_special_tokens": ["<y>"]})";
  std::ofstream(dir / "a" / "chat_template.jinja") << "{{ messages }}\n";
  Tokenizer::Load(dir / "a").Save(dir / "b");
  const json config = ReadJson(dir / "b" / "tokenizer_config.json");
  EXPECT_EQ(config["tokenizer_class"], "PreTrainedTokenizerFast");
  EXPECT_FALSE(config.contains("extra_special_tokens"));
  EXPECT_EQ(config["additional_special_tokens"], json({"<y>", "<x>"}));
  EXPECT_EQ(config["chat_template"], "{{ messages }}\n");
  EXPECT_EQ(config["backend"], "tokenizers");
  EXPECT_EQ(ReadFile(dir / "b" / "chat_template.jinja", "test"), "{{ messages }}\n");
}

/// DataHashes of what is saved with a mask hold the hash of data that `dir` encoded before.
void ExpectKnowsItsData(const fs::path& dir) {
  const TempDir saved;
  Tokenizer tokenizer = Tokenizer::Load(dir);
  const std::string before = tokenizer.ContentHash();
  EXPECT_EQ(tokenizer.DataHashes().front(), before);
  tokenizer.AddMaskToken();
  EXPECT_THAT(tokenizer.DataHashes(), ::testing::Contains(before)) << dir;
  tokenizer.Save(saved / "hf");
  const Tokenizer again = Tokenizer::Load(saved / "hf");
  EXPECT_NE(again.ContentHash(), before);
  EXPECT_EQ(again.DataHashes().front(), again.ContentHash());
  EXPECT_THAT(again.DataHashes(), ::testing::Contains(before)) << dir;
}

TEST(DataHashes, DataIsKnownAfterTheMaskWasAdded) {
  for (const char* name : {"qwen2", "template", "bytes-unk", "metaspace-first"}) {
    ExpectKnowsItsData(Fixture("tokenizers") / name);
  }
}

TEST(DataHashes, DataOfAnOlderVersionsTokenizerIsKnown) {
  const TempDir dir;
  // Pairs in the file, as it was written before, and a mask that was added to it then.
  const std::string pairs = ReadFile(Fixture("tokenizers") / "qwen2" / "tokenizer.json", "test");
  Tokenizer tokenizer = Tokenizer::FromJson(pairs);
  const std::string old_hash = HashHex(pairs.data(), pairs.size());  // it names no special tokens
  EXPECT_THAT(tokenizer.DataHashes(), ::testing::Contains(old_hash));
  tokenizer.AddMaskToken();
  EXPECT_THAT(tokenizer.DataHashes(), ::testing::Contains(old_hash));
}

TEST(DataHashes, AnotherTokenizersDataIsNot) {
  const Tokenizer one = Tokenizer::Load(Fixture("tokenizers") / "qwen2");
  Tokenizer other = Tokenizer::Load(Fixture("tokenizers") / "o200k");
  other.AddMaskToken();
  EXPECT_THAT(other.DataHashes(), ::testing::Not(::testing::Contains(one.ContentHash())));
}

}  // namespace
}  // namespace meap
