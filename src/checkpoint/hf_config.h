// The shape of a Llama-family model (Llama, Mistral, Qwen2, Qwen3), read from and written to a
// Hugging Face config.json.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/files.h"

namespace meap {

/// How rotary frequencies are stretched beyond the trained length. kDefault uses no other field,
/// kLinear `factor` alone, kLlama3 all of them.
struct RopeScaling {
  enum class Kind { kDefault, kLinear, kLlama3 };
  Kind kind = Kind::kDefault;
  double factor = 1.0;
  double low_freq_factor = 1.0;
  double high_freq_factor = 4.0;
  int64_t original_max_position_embeddings = 8192;  // tokens

  bool operator==(const RopeScaling&) const = default;
};

/// Field names and meanings are those of config.json. Sizes count elements; the five without a
/// sensible default (0 here) must be set. `head_dim` 0 and `num_key_value_heads` 0 stand for
/// hidden_size / num_attention_heads and num_attention_heads until ResolveConfig fills them in.
struct LlamaConfig {
  int64_t hidden_size = 0;
  int64_t intermediate_size = 0;
  int64_t num_hidden_layers = 0;
  int64_t num_attention_heads = 0;
  int64_t num_key_value_heads = 0;
  int64_t head_dim = 0;
  int64_t vocab_size = 0;
  int64_t max_position_embeddings = 2048;
  double rms_norm_eps = 1e-6;
  double rope_theta = 10000.0;
  RopeScaling rope_scaling;
  bool tie_word_embeddings = false;
  bool attention_bias = false;        // of q_proj, k_proj and v_proj, and of o_proj too
  bool attention_output_bias = true;  // unless this is false: Qwen2, which has no such field
  bool mlp_bias = false;
  bool qk_norm = false;  // q and k of each head are normed: Qwen3, which has no such field
  double initializer_range = 0.02;
  std::optional<int64_t> bos_token_id;
  std::vector<int64_t> eos_token_id;  // config.json may name none, one or several
  std::optional<int64_t> pad_token_id;
  std::string hidden_act = "silu";      // nothing else is supported
  std::string torch_dtype = "float32";  // of the stored weights: float32, bfloat16 or float16

  bool operator==(const LlamaConfig&) const = default;
};

/// Fills in the fields that follow from others and checks that all fit together. Throws an
/// InputError naming the field, its value and what is supported; `where` names the source.
void ResolveConfig(LlamaConfig& config, std::string_view where);

/// Reads the text of a config.json, `where` being its path for errors. Accepts every spelling that
/// transformers writes (rope_theta at the top or inside rope_parameters, torch_dtype or dtype).
/// InputError for model types and values that would change the numbers and are not supported; a
/// warning lists fields it does not know. The result is resolved.
LlamaConfig ParseHfConfig(std::string_view json_text, std::string_view where);

/// ParseHfConfig of `folder`/config.json. Where generation_config.json beside it names the tokens
/// that end a text, those hold, as in transformers.
LlamaConfig ReadHfConfig(const fs::path& folder);

/// The texts of config.json and generation_config.json, as transformers 4.40 to 5.2 read them:
/// llama3 scaling from 4.43 on, Qwen3 from 4.51, and Qwen2 with any scaling or a head_dim of its
/// own from 4.49. The same config gives the same bytes.
std::string HfConfigJson(const LlamaConfig& config);
std::string GenerationConfigJson(const LlamaConfig& config);

}  // namespace meap
