// Adding a mask token, and saving.
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/files.h"
#include "tests/support.h"
#include "text/tokenizer.h"
#include "text/tokenizer_config.h"

namespace meap {
namespace {

using ::meap::testing::TempDir;
using nlohmann::json;

constexpr const char* kShared[] = {"byte-bpe-8k", "sp-bpe-4k", "smollm2",
                                   "gpt2",        "llama3",    "mistral-v3"};

TEST(MaskTest, TransformersKnowsTheMaskOfEverySharedTokenizer) {
  MEAP_NEEDS_SHARED();
  const fs::path python = testing::SourceDir() / ".venv/bin/python";
  if (!fs::exists(python)) GTEST_SKIP() << "no " << python << "; run make setup";
  const TempDir saved;
  std::string command = python.string() + " -W ignore " + testing::SourceDir().string() +
                        "/tests/parity/tokenizer_mask.py";
  for (const char* name : kShared) {
    const fs::path dir = testing::SharedRoot() / "data" / "tokenizers" / name;
    Tokenizer tokenizer = Tokenizer::Load(dir);
    const bool had_one = tokenizer.mask().has_value();
    const int32_t size = tokenizer.VocabSize();
    const int32_t mask = tokenizer.AddMaskToken();
    EXPECT_EQ(tokenizer.mask(), mask);
    EXPECT_EQ(tokenizer.VocabSize(), had_one ? size : size + 1);
    tokenizer.Save(saved / name);
    const Tokenizer again = Tokenizer::Load(saved / name);
    EXPECT_EQ(again.mask(), mask);
    EXPECT_EQ(again.ContentHash(), tokenizer.ContentHash());
    EXPECT_EQ(again.Encode("x [MASK]y", true), tokenizer.Encode("x [MASK]y", true));
    command += " " + dir.string() + " " + (saved / name).string();
  }
  std::FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  std::string output;
  std::array<char, 4096> buffer{};
  while (std::fgets(buffer.data(), buffer.size(), pipe) != nullptr) output += buffer.data();
  EXPECT_EQ(::pclose(pipe), 0) << output;
}

}  // namespace
}  // namespace meap
