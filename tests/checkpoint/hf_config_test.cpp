#include "checkpoint/hf_config.h"

#include <gmock/gmock.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/support.h"

namespace meap {
namespace {

using ::meap::testing::ErrorOf;
using nlohmann::json;
using ::testing::HasSubstr;

json Small() {
  return {{"model_type", "llama"},    {"hidden_size", 64},
          {"intermediate_size", 172}, {"num_hidden_layers", 2},
          {"num_attention_heads", 8}, {"num_key_value_heads", 4},
          {"vocab_size", 512},        {"max_position_embeddings", 256}};
}

LlamaConfig Parse(const json& object) { return ParseHfConfig(object.dump(), "config.json"); }

// The error of Small() with these fields put over it.
ErrorParts ErrorWith(const json& changes) {
  json object = Small();
  object.update(changes);
  return ErrorOf([&] { Parse(object); });
}

LlamaConfig With(const json& changes) {
  json object = Small();
  object.update(changes);
  return Parse(object);
}

TEST(HfConfigTest, DefaultsAreThoseOfTransformers) {
  const LlamaConfig config = Parse(Small());
  EXPECT_EQ(config.head_dim, 8);
  EXPECT_EQ(config.rope_theta, 10000.0);
  EXPECT_EQ(config.rms_norm_eps, 1e-6);
  EXPECT_EQ(config.bos_token_id, 1);
  EXPECT_EQ(config.eos_token_id, std::vector<int64_t>{2});
  EXPECT_FALSE(config.pad_token_id.has_value());
  EXPECT_FALSE(config.tie_word_embeddings);
  EXPECT_EQ(config.torch_dtype, "float32");
  EXPECT_EQ(With({{"num_key_value_heads", nullptr}}).num_key_value_heads, 8);
}

TEST(HfConfigTest, GenerationEndsWhereItsOwnConfigurationSays) {
  const testing::TempDir dir;
  std::ofstream(dir / "config.json") << Small();
  EXPECT_EQ(ReadHfConfig(dir.path()).eos_token_id, std::vector<int64_t>{2});
  const auto with = [&](const std::string& text) {
    std::ofstream(dir / "generation_config.json") << text;
    return ReadHfConfig(dir.path()).eos_token_id;
  };
  EXPECT_EQ(with(R"({"eos_token_id": [5, 7]})"), (std::vector<int64_t>{5, 7}));
  EXPECT_EQ(with(R"({"eos_token_id": 5})"), std::vector<int64_t>{5});
  EXPECT_EQ(with(R"({"do_sample": true})"), std::vector<int64_t>{2});
  EXPECT_EQ(with(R"({"eos_token_id": null})"), std::vector<int64_t>{2});
  for (const char* bad : {R"({"eos_token_id": ["x"]})", R"({"eos_token_id": "x"})"}) {
    EXPECT_THAT(ErrorOf([&] { with(bad); }).where, HasSubstr("generation_config.json"));
  }
}

TEST(HfConfigTest, BothSpellingsOfRopeTheta) {
  EXPECT_EQ(With({{"rope_theta", 500000}}).rope_theta, 500000.0);
  EXPECT_EQ(With({{"rope_parameters", {{"rope_type", "default"}, {"rope_theta", 5e5}}}}).rope_theta,
            500000.0);
  EXPECT_EQ(With({{"rope_theta", 7.0}, {"rope_scaling", nullptr}}).rope_theta, 7.0);
  const ErrorParts error =
      ErrorWith({{"rope_theta", 1e4}, {"rope_parameters", {{"rope_theta", 5e5}}}});
  EXPECT_THAT(error.where, HasSubstr("rope_parameters.rope_theta"));
  EXPECT_THAT(error.expected, HasSubstr("10000.0"));
}

TEST(HfConfigTest, RopeScalingInEverySpelling) {
  const json llama3 = {{"rope_type", "llama3"},
                       {"factor", 8.0},
                       {"low_freq_factor", 1.0},
                       {"high_freq_factor", 4.0},
                       {"original_max_position_embeddings", 128}};
  const RopeScaling expected{RopeScaling::Kind::kLlama3, 8.0, 1.0, 4.0, 128};
  EXPECT_EQ(With({{"rope_scaling", llama3}}).rope_scaling, expected);
  EXPECT_EQ(With({{"rope_parameters", llama3}}).rope_scaling, expected);
  for (const char* name : {"type", "rope_type"}) {
    const RopeScaling linear =
        With({{"rope_scaling", {{name, "linear"}, {"factor", 2}}}}).rope_scaling;
    EXPECT_EQ(linear.kind, RopeScaling::Kind::kLinear);
    EXPECT_EQ(linear.factor, 2.0);
  }
}

TEST(HfConfigTest, BadRopeIsNamed) {
  for (const char* kind : {"yarn", "dynamic", "longrope", "su", "mrope"}) {
    const ErrorParts error = ErrorWith({{"rope_scaling", {{"type", kind}, {"factor", 2.0}}}});
    EXPECT_THAT(error.where, HasSubstr("rope_scaling.type"));
    EXPECT_THAT(error.got, HasSubstr(kind));
    EXPECT_THAT(error.expected, HasSubstr("llama3"));
  }
  EXPECT_THAT(ErrorWith({{"rope_scaling", {{"type", "linear"}}}}).where, HasSubstr(".factor"));
  EXPECT_THAT(ErrorWith({{"rope_scaling", {{"factor", 2.0}}}}).where, HasSubstr(".rope_type"));
  EXPECT_THAT(ErrorWith({{"rope_scaling", {{"rope_type", "llama3"}, {"factor", 2.0}}}}).where,
              HasSubstr("low_freq_factor"));
  EXPECT_THAT(
      ErrorWith({{"rope_scaling", {{"type", "linear"}, {"rope_type", "llama3"}, {"factor", 2.0}}}})
          .where,
      HasSubstr("rope_scaling.type"));
  EXPECT_THAT(ErrorWith({{"rope_parameters", {{"partial_rotary_factor", 0.5}}}}).where,
              HasSubstr("rope_parameters.partial_rotary_factor"));
  EXPECT_THAT(ErrorWith({{"rope_parameters",
                          {{"full_attention", {{"rope_type", "default"}, {"rope_theta", 1.0}}}}}})
                  .where,
              HasSubstr("rope_parameters"));
  EXPECT_THAT(ErrorWith({{"rope_scaling", 3}}).got, HasSubstr("3"));
}

TEST(HfConfigTest, DtypeInBothSpellings) {
  EXPECT_EQ(With({{"torch_dtype", "bfloat16"}}).torch_dtype, "bfloat16");
  EXPECT_EQ(With({{"dtype", "float16"}}).torch_dtype, "float16");
  EXPECT_EQ(With({{"dtype", nullptr}, {"torch_dtype", "bfloat16"}}).torch_dtype, "bfloat16");
  EXPECT_THAT(ErrorWith({{"dtype", "int8"}}).where, HasSubstr("dtype"));
}

TEST(HfConfigTest, TokenIds) {
  EXPECT_EQ(With({{"eos_token_id", {2, 7}}}).eos_token_id, (std::vector<int64_t>{2, 7}));
  EXPECT_TRUE(With({{"eos_token_id", nullptr}}).eos_token_id.empty());
  EXPECT_FALSE(With({{"bos_token_id", nullptr}}).bos_token_id.has_value());
  EXPECT_FALSE(With({{"pad_token_id", -1}}).pad_token_id.has_value());
  EXPECT_THAT(ErrorWith({{"eos_token_id", {1, "x"}}}).where, HasSubstr("eos_token_id"));
}

TEST(HfConfigTest, FieldsThatWouldChangeTheNumbersAreRefused) {
  const std::vector<std::pair<std::string, json>> cases = {
      {"hidden_act", "gelu"},
      {"pretraining_tp", 2},
      {"partial_rotary_factor", 0.5},
      {"quantization_config", {{"bits", 4}}},
      {"rope_interleaved", true},
      {"pruned_heads", {{"0", {1}}}},
      {"layer_types", {"full_attention", "sliding_attention"}},
      {"architectures", {"LlamaForSequenceClassification"}},
      {"model_type", "qwen2_moe"},
      {"rms_norm_eps", 0},
      {"num_key_value_heads", 3},
      {"num_attention_heads", 7},
      {"head_dim", 7},
      {"hidden_size", 64.5},
      {"vocab_size", -3},
      {"vocab_size", 1ULL << 60},
      {"num_hidden_layers", nullptr},
      {"num_hidden_layers", 100000},
      {"rope_theta", -1},
      {"rope_scaling", {{"type", "linear"}, {"factor", 0}}},
      {"tie_word_embeddings", "yes"}};
  for (const auto& [name, value] : cases) {
    const ErrorParts error = ErrorWith({{name, value}});
    EXPECT_THAT(error.where, HasSubstr("config.json, field ")) << name;
    EXPECT_FALSE(error.expected.empty()) << name;
    EXPECT_FALSE(error.got.empty()) << name;
  }
  EXPECT_THAT(ErrorWith({{"hidden_act", "gelu"}}).got, HasSubstr("gelu"));
}

TEST(HfConfigTest, HarmlessFieldsPass) {
  EXPECT_EQ(With({{"attention_dropout", 0.1},
                  {"use_cache", false},
                  {"transformers_version", "4.40.0"},
                  {"pretraining_tp", 1},
                  {"partial_rotary_factor", 1.0},
                  {"hidden_act", "silu"},
                  {"pruned_heads", json::object()},
                  {"some_new_field", 3}}),
            Parse(Small()));
}

TEST(HfConfigTest, MistralOnlyWithoutAWindow) {
  const auto mistral = [](json changes) {
    changes["model_type"] = "mistral";
    return changes;
  };
  EXPECT_EQ(With(mistral({{"sliding_window", nullptr}})).num_key_value_heads, 4);
  EXPECT_EQ(With(mistral({{"sliding_window", 256}})).max_position_embeddings, 256);
  const ErrorParts window = ErrorWith(mistral({{"sliding_window", 255}}));
  EXPECT_THAT(window.where, HasSubstr("sliding_window"));
  EXPECT_THAT(window.expected, HasSubstr("256"));
  // Not written means 4096 to transformers.
  EXPECT_THAT(ErrorWith(mistral({{"max_position_embeddings", 32768}})).where,
              HasSubstr("sliding_window"));
  EXPECT_EQ(With({{"sliding_window", 16}}), Parse(Small()));  // Llama's code never reads it
}

TEST(HfConfigTest, Qwen2HasItsOwnDefaultsAndBiases) {
  json object = Small();
  for (const char* name : {"bos_token_id", "eos_token_id", "max_position_embeddings"}) {
    object.erase(name);
  }
  object.update({{"model_type", "qwen2"},
                 {"architectures", {"Qwen2ForCausalLM"}},
                 {"attention_bias", false},  // which transformers does not read
                 {"sliding_window", 100},
                 {"max_window_layers", 1},
                 {"use_sliding_window", false}});
  const LlamaConfig config = Parse(object);
  EXPECT_TRUE(config.attention_bias);
  EXPECT_FALSE(config.attention_output_bias);
  EXPECT_FALSE(config.mlp_bias);
  EXPECT_EQ(config.max_position_embeddings, 32768);
  EXPECT_FALSE(config.bos_token_id);
  EXPECT_TRUE(config.eos_token_id.empty());
  const json written = json::parse(HfConfigJson(config));
  EXPECT_EQ(written["model_type"], "qwen2");
  // Versions up to 4.51 take a window of 4096 where none is written, used or not.
  EXPECT_EQ(written["sliding_window"], nullptr);
  EXPECT_TRUE(written.contains("sliding_window"));
  EXPECT_EQ(written["use_sliding_window"], false);
  EXPECT_EQ(ParseHfConfig(HfConfigJson(config), "x"), config);
  object["num_attention_heads"] = 32;
  object.erase("num_key_value_heads");
  EXPECT_EQ(Parse(object).num_key_value_heads, 32);
  object["num_attention_heads"] = 16;
  object["num_key_value_heads"] = nullptr;
  EXPECT_EQ(Parse(object).num_key_value_heads, 16);
}

TEST(HfConfigTest, QwenOnlyWithoutAWindow) {
  const auto qwen = [](json changes) {
    changes["model_type"] = "qwen2";
    changes["use_sliding_window"] = true;
    return changes;
  };
  EXPECT_EQ(With(qwen({{"max_window_layers", 2}})).num_hidden_layers, 2);
  EXPECT_EQ(With(qwen({{"max_window_layers", 1}, {"sliding_window", 256}})).num_hidden_layers, 2);
  const ErrorParts window = ErrorWith(qwen({{"max_window_layers", 1}, {"sliding_window", 255}}));
  EXPECT_THAT(window.where, HasSubstr("sliding_window"));
  EXPECT_THAT(window.hint, HasSubstr("max_position_embeddings"));
}

TEST(HfConfigTest, PublishedQwen2IsTakenWithoutAWarning) {
  const json published = {{"architectures", {"Qwen2ForCausalLM"}},
                          {"attention_dropout", 0.0},
                          {"bos_token_id", 151643},
                          {"eos_token_id", 151643},
                          {"hidden_act", "silu"},
                          {"hidden_size", 896},
                          {"initializer_range", 0.02},
                          {"intermediate_size", 4864},
                          {"max_position_embeddings", 32768},
                          {"max_window_layers", 24},
                          {"model_type", "qwen2"},
                          {"num_attention_heads", 14},
                          {"num_hidden_layers", 24},
                          {"num_key_value_heads", 2},
                          {"rms_norm_eps", 1e-06},
                          {"rope_theta", 1000000.0},
                          {"sliding_window", 32768},
                          {"tie_word_embeddings", true},
                          {"torch_dtype", "bfloat16"},
                          {"transformers_version", "4.40.1"},
                          {"use_cache", true},
                          {"use_mrope", false},
                          {"use_sliding_window", false},
                          {"vocab_size", 151936}};
  ::testing::internal::CaptureStderr();
  const LlamaConfig config = Parse(published);
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
  EXPECT_EQ(config.head_dim, 64);
  EXPECT_EQ(config.eos_token_id, std::vector<int64_t>{151643});
}

TEST(HfConfigTest, Qwen3NormsItsHeads) {
  json object = Small();
  object.update({{"model_type", "qwen3"}, {"architectures", {"Qwen3ForCausalLM"}}});
  object.erase("head_dim");
  object.erase("num_key_value_heads");
  object["num_attention_heads"] = 32;
  LlamaConfig config = Parse(object);
  EXPECT_TRUE(config.qk_norm);
  EXPECT_EQ(config.head_dim, 128);
  EXPECT_TRUE(config.eos_token_id.empty());
  EXPECT_EQ(config.num_key_value_heads, 32);
  EXPECT_FALSE(config.attention_bias);
  EXPECT_EQ(ParseHfConfig(HfConfigJson(config), "x"), config);
  object["attention_bias"] = true;
  config = Parse(object);
  EXPECT_TRUE(config.attention_bias && config.attention_output_bias);
  EXPECT_EQ(json::parse(HfConfigJson(config))["model_type"], "qwen3");
}

TEST(HfConfigTest, HeadDimNeedNotDivide) {
  EXPECT_EQ(With({{"head_dim", 32}}).head_dim, 32);
  EXPECT_EQ(With({{"num_attention_heads", 12}, {"head_dim", 16}}).num_attention_heads, 12);
}

TEST(HfConfigTest, BrokenJsonIsNamed) {
  const ErrorParts error = ErrorOf([] { ParseHfConfig("{\"a\": 1,", "dir/config.json"); });
  EXPECT_EQ(error.where, "dir/config.json");
  EXPECT_THAT(error.got, HasSubstr("byte"));
  EXPECT_THAT(ErrorOf([] { ParseHfConfig("{\"a\": 1e999}", "x"); }).got, HasSubstr("too large"));
  EXPECT_THAT(ErrorOf([] { ParseHfConfig("[]", "x"); }).got, HasSubstr("array"));
}

TEST(HfConfigTest, WrittenConfigReadsBackEqual) {
  LlamaConfig config = With({{"rope_theta", 123456.789},
                             {"rms_norm_eps", 1e-5},
                             {"tie_word_embeddings", true},
                             {"attention_bias", true},
                             {"eos_token_id", {2, 3}},
                             {"bos_token_id", nullptr},
                             {"pad_token_id", 0},
                             {"dtype", "bfloat16"},
                             {"rope_scaling", {{"type", "linear"}, {"factor", 2.5}}}});
  EXPECT_EQ(ParseHfConfig(HfConfigJson(config), "x"), config);
  config.rope_scaling = {RopeScaling::Kind::kLlama3, 8.0, 1.0, 4.0, 100};
  EXPECT_EQ(ParseHfConfig(HfConfigJson(config), "x"), config);
  config.rope_scaling = {};
  config.eos_token_id.clear();
  EXPECT_EQ(ParseHfConfig(HfConfigJson(config), "x"), config);
  EXPECT_EQ(HfConfigJson(config), HfConfigJson(config));
}

TEST(HfConfigTest, LinearScalingIsWrittenAsTheOldestReaderWantsIt) {
  LlamaConfig config = Parse(Small());
  config.rope_scaling = {.kind = RopeScaling::Kind::kLinear, .factor = 2};
  const json written = json::parse(HfConfigJson(config));
  EXPECT_EQ(written["rope_scaling"], (json{{"type", "linear"}, {"factor", 2.0}}));
  EXPECT_TRUE(written["rope_scaling"]["factor"].is_number_float());
  EXPECT_FALSE(written.contains("transformers_version"));
}

TEST(HfConfigTest, GenerationConfigNamesTheTokens) {
  LlamaConfig config = Parse(Small());
  config.pad_token_id = 0;
  EXPECT_EQ(json::parse(GenerationConfigJson(config)),
            (json{{"bos_token_id", 1}, {"eos_token_id", 2}, {"pad_token_id", 0}}));
}

}  // namespace
}  // namespace meap
