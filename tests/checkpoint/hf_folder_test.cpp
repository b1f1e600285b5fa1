#include "checkpoint/hf_folder.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <fstream>

#include "tests/support.h"

namespace meap {
namespace {

using ::meap::testing::ErrorOf;
using ::meap::testing::TempDir;
using ::testing::HasSubstr;

LlamaConfig Tiny() {
  LlamaConfig config;
  config.hidden_size = 8;
  config.intermediate_size = 12;
  config.num_hidden_layers = 2;
  config.num_attention_heads = 4;
  config.num_key_value_heads = 2;
  config.vocab_size = 10;
  config.bos_token_id = 1;
  config.eos_token_id = {2};
  ResolveConfig(config, "test");
  return config;
}

std::vector<TensorSource> RandomWeights(const LlamaConfig& config) {
  at::manual_seed(7);
  std::vector<TensorSource> sources;
  for (const ExpectedTensor& expected : HfTensors(config)) {
    sources.push_back(SourceOf(expected.name, at::randn(expected.shape)));
  }
  return sources;
}

// A folder with config and the given weights, whatever they are.
void WriteFolder(const fs::path& folder, const std::vector<TensorSource>& sources) {
  SaveSafetensors(folder / "model.safetensors", sources);
}

TEST(HfFolderTest, SavedFolderLoadsEqual) {
  const TempDir folder;
  LlamaConfig config = Tiny();
  config.attention_bias = config.mlp_bias = true;
  const std::vector<TensorSource> sources = RandomWeights(config);
  SaveHfFolder(folder / "hf", config, sources, {});
  EXPECT_EQ(ReadHfConfig(folder / "hf"), config);
  const auto tensors = LoadHfWeights(folder / "hf", config);
  ASSERT_EQ(tensors.size(), sources.size());
  for (const TensorSource& source : sources) {
    EXPECT_TRUE(at::equal(tensors.at(source.name), source.fetch())) << source.name;
  }
}

TEST(HfFolderTest, DtypeShardsAndTokenizerFiles) {
  const TempDir folder;
  const LlamaConfig config = Tiny();
  const HfFolderOptions options = {
      .dtype = StoredDType::kBF16,
      .write_tokenizer =
          [](const fs::path& path) { std::ofstream(path / "tokenizer.json") << "{}"; },
      .max_shard_bytes = 1000};
  SaveHfFolder(folder / "hf", config, RandomWeights(config), options);
  EXPECT_TRUE(fs::exists(folder / "hf/tokenizer.json"));
  EXPECT_TRUE(fs::exists(folder / "hf/model.safetensors.index.json"));
  EXPECT_EQ(ReadHfConfig(folder / "hf").torch_dtype, "bfloat16");
  for (const TensorSource& source : RandomWeights(config)) {
    EXPECT_TRUE(at::equal(LoadHfWeights(folder / "hf", config).at(source.name),
                          source.fetch().to(at::kBFloat16)));
  }
}

TEST(HfFolderTest, SavingAgainReplacesWholeAndWithTheSameBytes) {
  const TempDir folder;
  const LlamaConfig config = Tiny();
  SaveHfFolder(folder / "a", config, RandomWeights(config), {.max_shard_bytes = 1000});
  SaveHfFolder(folder / "a", config, RandomWeights(config), {});
  SaveHfFolder(folder / "b", config, RandomWeights(config), {});
  EXPECT_FALSE(fs::exists(folder / "a/model.safetensors.index.json"));
  for (const char* name : {"config.json", "generation_config.json", "model.safetensors"}) {
    EXPECT_EQ(ReadFile(folder / "a" / name, "test"), ReadFile(folder / "b" / name, "test"));
  }
}

TEST(HfFolderTest, FailureInTheMiddleLeavesTheOldFolder) {
  const TempDir folder;
  const LlamaConfig config = Tiny();
  SaveHfFolder(folder / "hf", config, RandomWeights(config), {});
  HfFolderOptions options;
  options.write_tokenizer = [](const fs::path&) { throw WorkError({.what = "disk full"}); };
  ErrorOf([&] { SaveHfFolder(folder / "hf", config, RandomWeights(config), options); },
          ExitCode::kFailed);
  EXPECT_EQ(LoadHfWeights(folder / "hf", config).size(), HfTensors(config).size());
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 1);
}

TEST(HfFolderTest, NamesWithoutPrefixAndOldBuffersAreTaken) {
  const TempDir folder;
  LlamaConfig config = Tiny();
  config.tie_word_embeddings = true;
  std::vector<TensorSource> sources = RandomWeights(config);
  for (TensorSource& source : sources) source.name = source.name.substr(6);
  sources.push_back(SourceOf("layers.0.self_attn.rotary_emb.inv_freq", at::ones({1})));
  sources.push_back(SourceOf("lm_head.weight", sources[0].fetch()));
  WriteFolder(folder.path(), sources);
  const auto tensors = LoadHfWeights(folder.path(), config);
  EXPECT_EQ(tensors.size(), HfTensors(config).size());
  EXPECT_FALSE(tensors.contains("lm_head.weight"));
  EXPECT_TRUE(tensors.contains("model.norm.weight"));
}

TEST(HfFolderTest, WrongWeightsAreNamed) {
  const TempDir folder;
  LlamaConfig config = Tiny();
  const std::vector<TensorSource> good = RandomWeights(config);
  const auto error = [&](const std::vector<TensorSource>& sources) {
    WriteFolder(folder.path(), sources);
    return ErrorOf([&] { LoadHfWeights(folder.path(), config); });
  };
  std::vector<TensorSource> sources = good;
  sources[0] = SourceOf(sources[0].name, at::ones({11, 8}));
  EXPECT_THAT(error(sources).where, HasSubstr("tensor model.embed_tokens.weight"));
  EXPECT_THAT(error(sources).expected, HasSubstr("[10, 8]"));
  EXPECT_THAT(error(sources).got, HasSubstr("[11, 8]"));

  sources = good;
  sources.pop_back();
  EXPECT_THAT(error(sources).what, HasSubstr("lm_head.weight"));
  EXPECT_THAT(error(sources).hint, HasSubstr("tie_word_embeddings"));

  sources = good;
  sources.push_back(SourceOf("model.layers.0.self_attn.q_proj.bias", at::ones({8})));
  EXPECT_THAT(error(sources).what, HasSubstr("unexpected"));
  EXPECT_THAT(error(sources).where, HasSubstr("q_proj.bias"));

  sources = good;
  sources[3] = SourceOf(sources[3].name, sources[3].fetch().to(at::kChar));
  EXPECT_THAT(error(sources).what, HasSubstr("floating point"));

  sources = good;
  sources.push_back(SourceOf("norm.weight", at::ones({8})));
  EXPECT_THAT(error(sources).what, HasSubstr("twice"));

  config.tie_word_embeddings = true;
  EXPECT_THAT(error(good).where, HasSubstr("lm_head.weight"));
  EXPECT_THAT(error(good).what, HasSubstr("tied"));
}

TEST(HfFolderTest, ReadsAModelFromElsewhere) {
  MEAP_NEEDS_SHARED();
  const fs::path folder = testing::SharedRoot() / "data/models/stories260k";
  const LlamaConfig config = ReadHfConfig(folder);
  const auto tensors = LoadHfWeights(folder, config);
  EXPECT_EQ(tensors.at("model.embed_tokens.weight").sizes(), at::IntArrayRef({512, 64}));
}

TEST(HfFolderTest, AFoldersHashIsThatOfItsModel) {
  const TempDir folder;
  const LlamaConfig config = Tiny();
  std::vector<TensorSource> sources = RandomWeights(config);
  SaveHfFolder(folder / "a", config, sources, {});
  SaveHfFolder(folder / "b", config, sources, {.max_shard_bytes = 1000});
  const std::string hash = HashHfFolder(folder / "a");
  EXPECT_EQ(HashHfFolder(folder / "b"), hash);
  sources.back() = SourceOf(sources.back().name, sources.back().fetch() + 1);
  SaveHfFolder(folder / "c", config, sources, {});
  EXPECT_NE(HashHfFolder(folder / "c"), hash);
  LlamaConfig other = config;
  other.rope_theta = 5;
  SaveHfFolder(folder / "d", other, RandomWeights(config), {});
  EXPECT_NE(HashHfFolder(folder / "d"), hash);
}

}  // namespace
}  // namespace meap
