// The golden files of the shared tokenizers: ids and texts that Hugging Face `tokenizers` gave.
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/support.h"
#include "text/tokenizer.h"

namespace meap {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

class GoldenTest : public ::testing::TestWithParam<const char*> {};

TEST_P(GoldenTest, EncodesAndDecodesEveryLine) {
  MEAP_NEEDS_SHARED();
  const fs::path dir = testing::SharedRoot() / "data" / "tokenizers" / GetParam();
  const Tokenizer tokenizer = Tokenizer::Load(dir);
  std::ifstream file(dir / "golden.jsonl");
  int lines = 0;
  int wrong = 0;
  for (std::string line; std::getline(file, line); ++lines) {
    const json golden = json::parse(line);
    const auto text = golden["text"].get<std::string>();
    const auto ids = golden["ids"].get<std::vector<int32_t>>();
    const bool right =
        tokenizer.Encode(text, false) == ids &&
        tokenizer.Encode(text, true) == golden["ids_with_special"].get<std::vector<int32_t>>() &&
        tokenizer.Decode(ids, false) == golden["decoded"].get<std::string>() &&
        tokenizer.Decode(ids, true) == golden["decoded_skip_special"].get<std::string>();
    std::string streamed;
    StreamDecoder decoder(tokenizer, false);
    for (const int32_t id : ids) streamed += decoder.Push(id);
    streamed += decoder.Finish();
    if (!right || streamed != golden["decoded"].get<std::string>()) {
      ++wrong;
      ADD_FAILURE() << GetParam() << " line " << lines + 1 << ": " << text.substr(0, 200);
    }
    if (wrong > 5) break;
  }
  EXPECT_EQ(lines, 500);
}

INSTANTIATE_TEST_SUITE_P(All, GoldenTest,
                         ::testing::Values("byte-bpe-8k", "sp-bpe-4k", "smollm2", "gpt2", "llama3",
                                           "mistral-v3"));

}  // namespace
}  // namespace meap
