#include "checkpoint/hf_config.h"

#include <algorithm>
#include <array>
#include <set>

#include "checkpoint/hf_rope.h"
#include "checkpoint/json_fields.h"
#include "core/console.h"
#include "core/error.h"
#include "core/strings.h"

namespace meap {
namespace {

using nlohmann::json;

// transformers' defaults where the fields are not written.
constexpr int64_t kWindow = 4096;
constexpr int64_t kQwenFullLayers = 28;

// Fields ParseHfConfig reads or checks itself.
constexpr auto kReadFields = std::to_array<std::string_view>({"architectures",
                                                              "model_type",
                                                              "hidden_size",
                                                              "intermediate_size",
                                                              "num_hidden_layers",
                                                              "num_attention_heads",
                                                              "num_key_value_heads",
                                                              "head_dim",
                                                              "vocab_size",
                                                              "max_position_embeddings",
                                                              "rms_norm_eps",
                                                              "rope_theta",
                                                              "rope_scaling",
                                                              "rope_parameters",
                                                              "original_max_position_embeddings",
                                                              "tie_word_embeddings",
                                                              "attention_bias",
                                                              "mlp_bias",
                                                              "initializer_range",
                                                              "bos_token_id",
                                                              "eos_token_id",
                                                              "pad_token_id",
                                                              "hidden_act",
                                                              "torch_dtype",
                                                              "dtype",
                                                              "sliding_window",
                                                              "layer_types",
                                                              "quantization_config"});

// Fields that change no number of a decoder's forward pass, or that Llama's own code never reads.
constexpr auto kHarmlessFields =
    std::to_array<std::string_view>({"_name_or_path",
                                     "_attn_implementation",
                                     "_attn_implementation_autoset",
                                     "attn_implementation",
                                     "_flash_attn_2_enabled",
                                     "attention_dropout",
                                     "use_cache",
                                     "transformers_version",
                                     "return_dict",
                                     "output_attentions",
                                     "output_hidden_states",
                                     "output_scores",
                                     "return_dict_in_generate",
                                     "id2label",
                                     "label2id",
                                     "problem_type",
                                     "chunk_size_feed_forward",
                                     "torchscript",
                                     "is_decoder",
                                     "use_bfloat16",
                                     "tf_legacy_loss",
                                     "tokenizer_class",
                                     "prefix",
                                     "task_specific_params",
                                     "finetuning_task",
                                     "gradient_checkpointing",
                                     "unsloth_fixed",
                                     "unsloth_version",
                                     "is_llama_config",
                                     "transformers.js_config",
                                     "sep_token_id",
                                     "cls_token_id",
                                     "decoder_start_token_id",
                                     "forced_bos_token_id",
                                     "forced_eos_token_id",
                                     "max_length",
                                     "min_length",
                                     "do_sample",
                                     "early_stopping",
                                     "num_beams",
                                     "num_beam_groups",
                                     "diversity_penalty",
                                     "temperature",
                                     "top_k",
                                     "top_p",
                                     "typical_p",
                                     "repetition_penalty",
                                     "length_penalty",
                                     "no_repeat_ngram_size",
                                     "encoder_no_repeat_ngram_size",
                                     "bad_words_ids",
                                     "begin_suppress_tokens",
                                     "suppress_tokens",
                                     "exponential_decay_length_penalty",
                                     "num_return_sequences",
                                     "remove_invalid_values",
                                     "tie_encoder_decoder",
                                     "cross_attention_hidden_size",
                                     "max_sequence_length",
                                     "use_sliding_window",
                                     "max_window_layers"});

// Fields with one supported value: anything else would change the numbers.
struct FixedField {
  const char* name;
  json supported;
};
const std::vector<FixedField>& FixedFields() {
  static const std::vector<FixedField> fields = {{"pretraining_tp", 1},
                                                 {"partial_rotary_factor", 1.0},
                                                 {"rope_interleaved", false},
                                                 {"use_mrope", false},
                                                 {"pruned_heads", json::object()},
                                                 {"is_encoder_decoder", false},
                                                 {"add_cross_attention", false}};
  return fields;
}

void CheckFixedFields(const JsonFields& fields) {
  for (const FixedField& field : FixedFields()) {
    const json* value = fields.Find(field.name);
    if (value != nullptr && *value != field.supported) {
      fields.Fail(field.name, field.supported.dump());
    }
  }
  if (fields.Find("quantization_config") != nullptr) {
    fields.Fail("quantization_config", "weights that are not quantised",
                "take the model's float16, bfloat16 or float32 weights instead");
  }
  if (const json* act = fields.Find("hidden_act"); act && *act != "silu" && *act != "swish") {
    fields.Fail("hidden_act", "\"silu\"");
  }
  if (const json* layers = fields.Find("layer_types")) {
    const auto full = [](const json& layer) { return layer == "full_attention"; };
    if (!layers->is_array() || !std::all_of(layers->begin(), layers->end(), full)) {
      fields.Fail("layer_types", "\"full_attention\" for every layer");
    }
  }
}

/// What a model_type says that its config.json need not: one decoder, other defaults.
struct Family {
  std::string_view type;
  int64_t key_value_heads;  // 0 = as many as heads
  int64_t head_dim;         // 0 = a share of hidden_size
  int64_t context;
  std::optional<int64_t> bos;
  std::vector<int64_t> eos;
  bool sliding_window;
};
const std::array<Family, 4>& Families() {
  static const std::array<Family, 4> families = {{{"llama", 0, 0, 2048, 1, {2}, false},
                                                  {"mistral", 8, 0, 131072, 1, {2}, true},
                                                  {"qwen2", 32, 0, 32768, {}, {}, false},
                                                  {"qwen3", 32, 128, 32768, {}, {}, false}}};
  return families;
}

const Family& ReadFamily(const JsonFields& fields) {
  const json* type = fields.Find("model_type");
  const auto family = std::find_if(Families().begin(), Families().end(), [&](const Family& known) {
    return type != nullptr && *type == known.type;
  });
  if (family == Families().end()) {
    fields.Fail("model_type",
                "\"llama\", \"qwen2\", \"qwen3\", or \"mistral\" without a sliding window",
                "meap runs decoders of the Llama family; choose such a model");
  }
  if (const json* names = fields.Find("architectures")) {
    static const std::set<std::string> kKnown = {
        "LlamaForCausalLM", "LlamaModel", "LLaMAForCausalLM", "MistralForCausalLM", "MistralModel",
        "Qwen2ForCausalLM", "Qwen2Model", "Qwen3ForCausalLM", "Qwen3Model"};
    const auto known = [](const json& name) { return name.is_string() && kKnown.contains(name); };
    if (!names->is_array() || !std::all_of(names->begin(), names->end(), known)) {
      fields.Fail("architectures",
                  "LlamaForCausalLM, MistralForCausalLM, Qwen2ForCausalLM or Qwen3ForCausalLM");
    }
  }
  return *family;
}

// Mistral's layers all have the window that is written; Qwen's have one only if use_sliding_window
// says so, and only from max_window_layers on.
void CheckWindow(const JsonFields& fields, const Family& family, const LlamaConfig& config) {
  if (!family.sliding_window && !fields.Flag("use_sliding_window", false)) return;
  if (!family.sliding_window &&
      fields.Integer("max_window_layers", kQwenFullLayers) >= config.num_hidden_layers) {
    return;
  }
  const bool written = fields.Names("sliding_window");
  if (written && fields.Find("sliding_window") == nullptr) return;
  if (fields.Integer("sliding_window", kWindow) >= config.max_position_embeddings) return;
  const std::string expected = "null, or at least max_position_embeddings (" +
                               std::to_string(config.max_position_embeddings) + ")";
  fields.Fail("sliding_window", written ? expected : expected + "; not written means 4096",
              "attention with a sliding window is not supported; if your sequences are shorter "
              "than the window, lower max_position_embeddings to it");
}

std::optional<int64_t> TokenId(const JsonFields& fields, const std::string& name) {
  const int64_t id = fields.Integer(name, -1, -1);  // older files write -1 for none
  return id < 0 ? std::nullopt : std::optional<int64_t>(id);
}

// None, one or several.
std::vector<int64_t> EndTokenIds(const JsonFields& fields) {
  std::vector<int64_t> ids;
  const json* eos = fields.Find("eos_token_id");
  if (eos != nullptr && eos->is_array()) {
    for (const json& id : *eos) {
      if (!id.is_number_unsigned()) fields.Fail("eos_token_id", "token ids");
      ids.push_back(id.get<int64_t>());
    }
  } else if (const std::optional<int64_t> id = TokenId(fields, "eos_token_id")) {
    ids.push_back(*id);
  }
  return ids;
}

void ReadTokenIds(const JsonFields& fields, const Family& family, LlamaConfig& config) {
  config.bos_token_id = fields.Names("bos_token_id") ? TokenId(fields, "bos_token_id") : family.bos;
  config.pad_token_id = TokenId(fields, "pad_token_id");
  config.eos_token_id = fields.Names("eos_token_id") ? EndTokenIds(fields) : family.eos;
}

// Mistral's and Qwen2's decoders have the biases they have whatever their config says.
void ReadBiases(const JsonFields& fields, const Family& family, LlamaConfig& config) {
  const bool reads = family.type == "llama" || family.type == "qwen3";
  const bool qwen2 = family.type == "qwen2";
  config.attention_output_bias = !qwen2;
  config.attention_bias = reads ? fields.Flag("attention_bias", false) : qwen2;
  config.mlp_bias = family.type == "llama" && fields.Flag("mlp_bias", false);
}

std::string ReadDtype(const JsonFields& fields) {
  for (const char* name : {"dtype", "torch_dtype"}) {
    const json* value = fields.Find(name);
    if (value == nullptr) continue;
    std::string dtype = value->is_string() ? value->get<std::string>() : "";
    if (dtype.starts_with("torch.")) dtype = dtype.substr(6);
    if (dtype == "float32" || dtype == "bfloat16" || dtype == "float16") return dtype;
    fields.Fail(name, "\"float32\", \"bfloat16\" or \"float16\"");
  }
  return "float32";
}

void WarnOfUnknownFields(const json& object, std::string_view where) {
  const auto in = [](const auto& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  std::vector<std::string> unknown;
  for (const auto& [name, value] : object.items()) {
    const auto is_name = [&name = name](const FixedField& field) { return field.name == name; };
    const bool fixed = std::any_of(FixedFields().begin(), FixedFields().end(), is_name);
    if (!fixed && !in(kReadFields, name) && !in(kHarmlessFields, name)) unknown.push_back(name);
  }
  if (!unknown.empty()) {
    Warn(std::string(where) + ": ignoring fields that meap does not know: " + Join(unknown, ", "));
  }
}

}  // namespace

LlamaConfig ParseHfConfig(std::string_view json_text, std::string_view where) {
  const json object = ParseJsonObject(json_text, where);
  const JsonFields fields(object, std::string(where));
  const Family& family = ReadFamily(fields);
  CheckFixedFields(fields);
  LlamaConfig config;
  config.hidden_size = fields.Integer("hidden_size", {});
  config.intermediate_size = fields.Integer("intermediate_size", {});
  config.num_hidden_layers = fields.Integer("num_hidden_layers", {});
  config.num_attention_heads = fields.Integer("num_attention_heads", {});
  const int64_t kv_heads = fields.Names("num_key_value_heads") ? 0 : family.key_value_heads;
  config.num_key_value_heads = fields.Integer("num_key_value_heads", kv_heads);
  config.head_dim = fields.Integer("head_dim", fields.Names("head_dim") ? 0 : family.head_dim);
  config.vocab_size = fields.Integer("vocab_size", {});
  config.max_position_embeddings = fields.Integer("max_position_embeddings", family.context);
  config.rms_norm_eps = fields.Positive("rms_norm_eps", 1e-6);
  config.tie_word_embeddings = fields.Flag("tie_word_embeddings", false);
  ReadBiases(fields, family, config);
  config.qk_norm = family.type == "qwen3";
  config.initializer_range = fields.Positive("initializer_range", 0.02);
  config.torch_dtype = ReadDtype(fields);
  ReadTokenIds(fields, family, config);
  ReadRope(fields, config);
  CheckWindow(fields, family, config);
  WarnOfUnknownFields(object, where);
  ResolveConfig(config, where);
  return config;
}

LlamaConfig ReadHfConfig(const fs::path& folder) {
  const fs::path path = folder / "config.json";
  LlamaConfig config = ParseHfConfig(ReadFile(path, "model configuration"), path.string());
  const fs::path generation = folder / "generation_config.json";
  if (!fs::exists(generation)) return config;
  const json object =
      ParseJsonObject(ReadFile(generation, "generation settings"), generation.string());
  const std::vector<int64_t> ends = EndTokenIds(JsonFields(object, generation.string()));
  if (!ends.empty()) config.eos_token_id = ends;
  return config;
}

}  // namespace meap
