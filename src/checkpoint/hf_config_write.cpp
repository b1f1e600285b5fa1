#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "checkpoint/hf_config.h"
#include "core/error.h"

namespace meap {
namespace {

using nlohmann::ordered_json;

constexpr int64_t kMaxLayers = 10000;  // a damaged file must not ask for all memory

void Require(bool condition, std::string_view where, const char* field, std::string expected,
             std::string got) {
  if (condition) return;
  throw InputError({.what = std::string("unsupported value of ") + field,
                    .where = std::string(where) + ", field " + field,
                    .expected = std::move(expected),
                    .got = std::move(got)});
}

void CheckHeads(const LlamaConfig& config, std::string_view where) {
  const std::string heads = std::to_string(config.num_attention_heads);
  Require(config.num_attention_heads % config.num_key_value_heads == 0, where,
          "num_key_value_heads", "a divisor of num_attention_heads (" + heads + ")",
          std::to_string(config.num_key_value_heads));
  Require(config.head_dim > 0 && config.head_dim % 2 == 0, where, "head_dim",
          "an even number above 0, for rotary embeddings turn pairs",
          std::to_string(config.head_dim));
}

void CheckRope(const LlamaConfig& config, std::string_view where) {
  Require(config.rope_theta > 0 && std::isfinite(config.rope_theta), where, "rope_theta",
          "a number above 0", std::to_string(config.rope_theta));
  const RopeScaling& scaling = config.rope_scaling;
  Require(scaling.factor > 0 && std::isfinite(scaling.factor), where, "rope_scaling.factor",
          "a number above 0", std::to_string(scaling.factor));
  Require(scaling.kind != RopeScaling::Kind::kLlama3 ||
              (scaling.low_freq_factor > 0 && scaling.low_freq_factor < scaling.high_freq_factor),
          where, "rope_scaling.high_freq_factor",
          "more than low_freq_factor (" + std::to_string(scaling.low_freq_factor) + ")",
          std::to_string(scaling.high_freq_factor));
}

// Llama in 4.40 takes for linear scaling exactly {"type", "factor"}; every later version takes that
// too. llama3 scaling is known from 4.43 on, under "rope_type".
ordered_json RopeScalingJson(const RopeScaling& scaling) {
  if (scaling.kind == RopeScaling::Kind::kLlama3) {
    return {{"rope_type", "llama3"},
            {"factor", scaling.factor},
            {"low_freq_factor", scaling.low_freq_factor},
            {"high_freq_factor", scaling.high_freq_factor},
            {"original_max_position_embeddings", scaling.original_max_position_embeddings}};
  }
  if (scaling.kind == RopeScaling::Kind::kLinear && scaling.factor != 1.0) {
    return {{"type", "linear"}, {"factor", scaling.factor}};
  }
  return nullptr;
}

ordered_json TokenIdJson(const std::optional<int64_t>& id) {
  return id.has_value() ? ordered_json(*id) : ordered_json(nullptr);
}

ordered_json EosJson(const LlamaConfig& config) {
  if (config.eos_token_id.empty()) return nullptr;
  if (config.eos_token_id.size() == 1) return config.eos_token_id.front();
  return config.eos_token_id;
}

/// model_type and architecture.
std::pair<std::string, std::string> FamilyOf(const LlamaConfig& config) {
  if (config.qk_norm) return {"qwen3", "Qwen3ForCausalLM"};
  if (config.attention_bias && !config.attention_output_bias) return {"qwen2", "Qwen2ForCausalLM"};
  return {"llama", "LlamaForCausalLM"};
}

std::string Text(const ordered_json& object) { return object.dump(2, ' ', true) + "\n"; }

}  // namespace

void ResolveConfig(LlamaConfig& config, std::string_view where) {
  const std::pair<const char*, int64_t> sizes[] = {
      {"hidden_size", config.hidden_size},
      {"intermediate_size", config.intermediate_size},
      {"num_hidden_layers", config.num_hidden_layers},
      {"num_attention_heads", config.num_attention_heads},
      {"vocab_size", config.vocab_size},
      {"max_position_embeddings", config.max_position_embeddings}};
  for (const auto& [name, value] : sizes) {
    Require(value > 0 && value <= 0x7FFFFFFF, where, name, "a whole number from 1 to 2^31 - 1",
            std::to_string(value));
  }
  Require(config.num_hidden_layers <= kMaxLayers, where, "num_hidden_layers",
          "at most " + std::to_string(kMaxLayers), std::to_string(config.num_hidden_layers));
  if (config.num_key_value_heads <= 0) config.num_key_value_heads = config.num_attention_heads;
  if (config.head_dim <= 0) {
    Require(config.hidden_size % config.num_attention_heads == 0, where, "num_attention_heads",
            "a divisor of hidden_size (" + std::to_string(config.hidden_size) +
                "), for head_dim is not given",
            std::to_string(config.num_attention_heads));
    config.head_dim = config.hidden_size / config.num_attention_heads;
  }
  CheckHeads(config, where);
  CheckRope(config, where);
  Require(config.rms_norm_eps > 0, where, "rms_norm_eps", "a number above 0",
          std::to_string(config.rms_norm_eps));
  Require(config.hidden_act == "silu", where, "hidden_act", "silu", config.hidden_act);
  Require(config.torch_dtype == "float32" || config.torch_dtype == "bfloat16" ||
              config.torch_dtype == "float16",
          where, "torch_dtype", "float32, bfloat16 or float16", config.torch_dtype);
}

std::string HfConfigJson(const LlamaConfig& config) {
  const auto& [type, architecture] = FamilyOf(config);
  ordered_json object = {{"architectures", {architecture}},
                         {"attention_bias", config.attention_bias},
                         {"attention_dropout", 0.0},
                         {"bos_token_id", TokenIdJson(config.bos_token_id)},
                         {"eos_token_id", EosJson(config)},
                         {"head_dim", config.head_dim},
                         {"hidden_act", config.hidden_act},
                         {"hidden_size", config.hidden_size},
                         {"initializer_range", config.initializer_range},
                         {"intermediate_size", config.intermediate_size},
                         {"max_position_embeddings", config.max_position_embeddings},
                         {"mlp_bias", config.mlp_bias},
                         {"model_type", type},
                         {"num_attention_heads", config.num_attention_heads},
                         {"num_hidden_layers", config.num_hidden_layers},
                         {"num_key_value_heads", config.num_key_value_heads},
                         {"pad_token_id", TokenIdJson(config.pad_token_id)},
                         {"pretraining_tp", 1},
                         {"rms_norm_eps", config.rms_norm_eps},
                         {"rope_scaling", RopeScalingJson(config.rope_scaling)},
                         {"rope_theta", config.rope_theta},
                         {"tie_word_embeddings", config.tie_word_embeddings},
                         {"torch_dtype", config.torch_dtype},
                         {"use_cache", true},
                         {"vocab_size", config.vocab_size}};
  if (type != "llama") {  // up to 4.51 Qwen's code takes a window of 4096 where none is written
    object["sliding_window"] = nullptr;
    object["use_sliding_window"] = false;
  }
  return Text(object);
}

std::string GenerationConfigJson(const LlamaConfig& config) {
  ordered_json object = ordered_json::object();
  if (config.bos_token_id) object["bos_token_id"] = *config.bos_token_id;
  if (!config.eos_token_id.empty()) object["eos_token_id"] = EosJson(config);
  if (config.pad_token_id) object["pad_token_id"] = *config.pad_token_id;
  return Text(object);
}

}  // namespace meap
