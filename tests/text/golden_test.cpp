// The golden files of the shared tokenizers: ids and texts that Hugging Face `tokenizers` gave.
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/support.h"
#include "text/tokenizer.h"

namespace meap {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

/// What is wrong with one golden line, "" for nothing. SentencePiece goldens have no decoded texts.
std::string Check(const Tokenizer& tokenizer, const json& golden) {
  const auto text = golden["text"].get<std::string>();
  const auto ids = golden["ids"].get<std::vector<int32_t>>();
  if (tokenizer.Encode(text, false) != ids) return "encode";
  if (tokenizer.Encode(text, true) != golden["ids_with_special"].get<std::vector<int32_t>>()) {
    return "encode with special tokens";
  }
  if (!golden.contains("decoded")) return "";
  for (const bool skip : {false, true}) {
    const auto decoded = golden[skip ? "decoded_skip_special" : "decoded"].get<std::string>();
    if (tokenizer.Decode(ids, skip) != decoded) return "decode";
    StreamDecoder decoder(tokenizer, skip);
    std::string streamed;
    for (const int32_t id : ids) streamed += decoder.Push(id);
    if (streamed + decoder.Finish() != decoded) return "streamed decode";
  }
  return "";
}

/// Checks every line of a folder's golden.jsonl; returns how many there are.
int CheckFolder(const fs::path& dir) {
  const Tokenizer tokenizer = Tokenizer::Load(dir);
  std::ifstream file(dir / "golden.jsonl");
  int lines = 0;
  for (std::string line; std::getline(file, line); ++lines) {
    const json golden = json::parse(line);
    const std::string wrong = Check(tokenizer, golden);
    EXPECT_EQ(wrong, "") << dir << " line " << lines + 1 << ": " << golden["text"];
    if (!wrong.empty()) break;
  }
  return lines;
}

class SharedGoldenTest : public ::testing::TestWithParam<const char*> {};

TEST_P(SharedGoldenTest, EncodesAndDecodesEveryLine) {
  MEAP_NEEDS_SHARED();
  EXPECT_EQ(CheckFolder(testing::SharedRoot() / "data" / "tokenizers" / GetParam()), 500);
}

INSTANTIATE_TEST_SUITE_P(All, SharedGoldenTest,
                         ::testing::Values("byte-bpe-8k", "sp-bpe-4k", "smollm2", "gpt2", "llama3",
                                           "mistral-v3"));

TEST(FixtureGoldenTest, EncodesAndDecodesEveryLine) {
  int folders = 0;
  for (const auto& entry : fs::directory_iterator(testing::Fixture("tokenizers"))) {
    EXPECT_GT(CheckFolder(entry.path()), 20);
    ++folders;
  }
  EXPECT_GT(folders, 25);
}

}  // namespace
}  // namespace meap
