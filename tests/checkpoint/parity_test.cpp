// Against Python's safetensors and transformers; skipped where the project's .venv is absent.
#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "checkpoint/hf_folder.h"
#include "tests/support.h"

namespace meap {
namespace {

using ::meap::testing::TempDir;
using nlohmann::json;

const fs::path kPython = testing::SourceDir() / ".venv/bin/python";

// The JSON list that tests/parity/hf_folder.py prints; fails the test when it fails.
json RunPython(const std::string& arguments) {
  const std::string command = kPython.string() + " -W ignore " + testing::SourceDir().string() +
                              "/tests/parity/hf_folder.py " + arguments + " 2>&1";
  std::FILE* pipe = ::popen(command.c_str(), "r");
  std::string output;
  char buffer[4096];
  while (std::fgets(buffer, sizeof buffer, pipe) != nullptr) output += buffer;
  EXPECT_EQ(::pclose(pipe), 0) << command << "\n" << output;
  const size_t line = output.rfind("\n[");
  return json::parse(line == std::string::npos ? output : output.substr(line + 1), nullptr, false);
}

LlamaConfig Tiny() {
  LlamaConfig config;
  config.hidden_size = 16;
  config.intermediate_size = 24;
  config.num_hidden_layers = 2;
  config.num_attention_heads = 4;
  config.num_key_value_heads = 2;
  config.vocab_size = 32;
  config.max_position_embeddings = 128;
  config.rope_theta = 5000;
  config.bos_token_id = 1;
  config.eos_token_id = {2, 3};
  ResolveConfig(config, "test");
  return config;
}

void Save(const fs::path& folder, const LlamaConfig& config, const HfFolderOptions& options) {
  std::vector<TensorSource> sources;
  for (const ExpectedTensor& expected : HfTensors(config)) {
    sources.push_back(SourceOf(expected.name, at::randn(expected.shape)));
  }
  SaveHfFolder(folder, config, sources, options);
}

TEST(ParityTest, TransformersLoadsWhatWeWrite) {
  if (!fs::exists(kPython)) GTEST_SKIP() << "no " << kPython << "; run make setup";
  const TempDir folder;
  LlamaConfig config = Tiny();
  Save(folder / "a", config, {});
  config.tie_word_embeddings = true;
  config.rope_scaling = {.kind = RopeScaling::Kind::kLinear, .factor = 2};
  Save(folder / "b", config, {.dtype = StoredDType::kBF16});
  config.tie_word_embeddings = false;
  config.attention_bias = true;
  config.rope_scaling = {RopeScaling::Kind::kLlama3, 8, 1, 4, 64};
  Save(folder / "c", config, {.dtype = StoredDType::kF16, .max_shard_bytes = 4000});
  config.attention_output_bias = false;
  Save(folder / "d", config, {});

  const std::string path = folder.path().string();
  const json seen = RunPython("check " + path + "/a " + path + "/b " + path + "/c " + path + "/d");
  ASSERT_EQ(seen.size(), 4U);
  EXPECT_EQ(seen[0]["eos_token_id"], (json{2, 3}));
  EXPECT_EQ(seen[0]["rope"]["rope_theta"], 5000.0);
  EXPECT_EQ(seen[0]["rope"]["rope_type"], "default");
  EXPECT_EQ(seen[1]["rope"]["rope_type"], "linear");
  EXPECT_EQ(seen[1]["inv_freq"][0], 0.5);
  EXPECT_EQ(seen[1]["tied"], true);
  EXPECT_EQ(seen[2]["rope"]["rope_type"], "llama3");
  EXPECT_EQ(seen[2]["rope"]["original_max_position_embeddings"], 64);
  EXPECT_EQ(seen[2]["bias"], true);
  EXPECT_EQ(seen[2]["type"], "llama");
  EXPECT_EQ(seen[3]["type"], "qwen2");
  EXPECT_EQ(seen[3]["rope"]["rope_type"], "llama3");
}

TEST(ParityTest, WeReadWhatTransformersWrites) {
  if (!fs::exists(kPython)) GTEST_SKIP() << "no " << kPython << "; run make setup";
  const TempDir folder;
  const json all = RunPython("write " + folder.path().string());
  ASSERT_EQ(all.size(), 4U);
  const std::vector<double> thetas = {5000, 10000, 500000, 1000000};
  const std::vector<RopeScaling::Kind> scalings = {
      RopeScaling::Kind::kDefault, RopeScaling::Kind::kLinear, RopeScaling::Kind::kLlama3,
      RopeScaling::Kind::kDefault};
  for (size_t i = 0; i < 4; ++i) {
    const fs::path path = folder / all[i]["kind"].get<std::string>();
    const LlamaConfig config = ReadHfConfig(path);
    EXPECT_EQ(config.torch_dtype, i == 2 ? "bfloat16" : "float32");
    EXPECT_EQ(config.rope_theta, thetas[i]);
    EXPECT_EQ(config.rope_scaling.kind, scalings[i]);
    EXPECT_EQ(config.attention_output_bias, i != 3);
    EXPECT_EQ(fs::exists(path / "model.safetensors.index.json"), i == 2);
    for (const auto& [name, tensor] : LoadHfWeights(path, config)) {
      EXPECT_EQ(tensor.to(at::kDouble).sum().item<double>(), all[i]["sums"][name]) << name;
    }
  }
}

}  // namespace
}  // namespace meap
