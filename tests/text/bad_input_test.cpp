// Files that are wrong, and files that ask for what is not supported: each is named with its place.
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

json Good() {
  return json::parse(R"({
    "version": "1.0", "truncation": null, "padding": null,
    "added_tokens": [{"id": 3, "content": "<s>", "single_word": false, "lstrip": false,
                      "rstrip": false, "normalized": false, "special": true}],
    "normalizer": null, "pre_tokenizer": null, "post_processor": null, "decoder": null,
    "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}})");
}

/// The error for Good() with one value set.
ErrorParts ErrorWith(const std::string& pointer, const json& value) {
  json root = Good();
  root[json::json_pointer(pointer)] = value;
  return ErrorOf([&] { Tokenizer::FromJson(root.dump()); });
}

TEST(BadInputTest, TheGoodOneLoads) {
  const Tokenizer tokenizer = Tokenizer::FromJson(Good().dump());
  EXPECT_EQ(tokenizer.Encode("aab<s>", false), (std::vector<int32_t>{0, 2, 3}));
  EXPECT_EQ(tokenizer.VocabSize(), 4);
}

TEST(BadInputTest, MergesThatNameUnknownTokens) {
  ErrorParts error = ErrorWith("/model/merges", json::array({"a b", "a c"}));
  EXPECT_EQ(error.where, "tokenizer.json: model.merges[1]");
  EXPECT_EQ(error.got, "\"a c\"");
  error = ErrorWith("/model/merges",
                    json::array({json::array({"b", "a"})}));  // "ba" is not in the vocabulary
  EXPECT_EQ(error.where, "tokenizer.json: model.merges[0]");
  EXPECT_EQ(ErrorWith("/model/merges", json::array({"a  b"})).got, "\"a  b\"");
  EXPECT_EQ(ErrorWith("/model/merges", json::array({json::array({"a", "b", "c"})})).got,
            R"(["a","b","c"])");
  EXPECT_EQ(ErrorWith("/model/merges", json::array({7})).got, "7");
}

TEST(BadInputTest, VocabularyEntriesWithoutAUsableId) {
  for (const json& id : {json(-1), json("0"), json(1.5), json(1u << 30)}) {
    const ErrorParts error = ErrorWith("/model/vocab/a", id);
    EXPECT_EQ(error.where, "tokenizer.json: model.vocab[\"a\"]");
    EXPECT_EQ(error.got, id.dump());
  }
}

TEST(BadInputTest, BrokenJsonHasLineAndColumn) {
  const std::string text = Good().dump(1);
  for (const size_t size : {text.size() - 3, text.size() / 2, size_t{1}, size_t{0}}) {
    const ErrorParts error = ErrorOf([&] { Tokenizer::FromJson(text.substr(0, size)); });
    EXPECT_EQ(error.where, "tokenizer.json");
    EXPECT_NE(error.got.find("line"), std::string::npos) << error.got;
  }
  EXPECT_NE(ErrorOf([] { Tokenizer::FromJson("{\"a\": \"\xFF\"}"); }).got, "");
}

TEST(BadInputTest, UnsupportedPartsAreNamed) {
  const std::pair<const char*, json> cases[] = {
      {"model.type", "Unigram"},
      {"model.dropout", 0.1},
      {"normalizer.type", "BertNormalizer"},
      {"pre_tokenizer.type", "BertPreTokenizer"},
      {"post_processor.type", "Unheard"},
      {"decoder.type", "WordPiece"},
  };
  for (const auto& [path, value] : cases) {
    std::string pointer = "/" + std::string(path);
    std::replace(pointer.begin(), pointer.end(), '.', '/');
    const bool nested = pointer.ends_with("/type") && !pointer.starts_with("/model");
    const ErrorParts error =
        nested ? ErrorWith(pointer.substr(0, pointer.size() - 5), {{"type", value}})
               : ErrorWith(pointer, value);
    EXPECT_EQ(error.where, "tokenizer.json: " + std::string(path));
    EXPECT_EQ(error.got, value.dump());
    EXPECT_NE(error.expected, "");
  }
}

TEST(BadInputTest, MissingAndMistypedValuesAreNamed) {
  json root = Good();
  root["model"].erase("merges");
  EXPECT_EQ(ErrorOf([&] { Tokenizer::FromJson(root.dump()); }).expected, "the key \"merges\"");
  EXPECT_EQ(ErrorWith("/added_tokens/0/lstrip", "no").where,
            "tokenizer.json: added_tokens[0].lstrip");
  EXPECT_EQ(ErrorWith("/model", 5).where, "tokenizer.json: model");
  EXPECT_EQ(ErrorWith("/pre_tokenizer", {{"type", "Split"}}).where,
            "tokenizer.json: pre_tokenizer");
  const json split = {{"type", "Split"},
                      {"pattern", {{"Regex", "a"}}},
                      {"behavior", "Sideways"},
                      {"invert", false}};
  EXPECT_EQ(ErrorWith("/pre_tokenizer", split).where, "tokenizer.json: pre_tokenizer.behavior");
}

TEST(BadInputTest, FoldersAndFilesAreNamed) {
  const TempDir dir;
  EXPECT_EQ(ErrorOf([&] { Tokenizer::Load(dir / "none"); }).where, (dir / "none").string());
  EXPECT_EQ(ErrorOf([&] { Tokenizer::Load(dir.path()); }).where, dir.path().string());
  std::ofstream(dir / "tokenizer.json") << Good().dump();
  EXPECT_EQ(Tokenizer::Load(dir.path()).bos(), std::nullopt);
  std::ofstream(dir / "tokenizer_config.json") << R"({"bos_token": {"content": "<s>"}})";
  EXPECT_EQ(Tokenizer::Load(dir.path()).bos(), 3);
  std::ofstream(dir / "tokenizer_config.json") << R"({"bos_token": 7})";
  const ErrorParts error = ErrorOf([&] { Tokenizer::Load(dir.path()); });
  EXPECT_EQ(error.where, (dir / "tokenizer_config.json").string() + ": bos_token");
}

}  // namespace
}  // namespace meap
