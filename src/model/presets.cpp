#include "model/presets.h"

#include "core/error.h"
#include "core/strings.h"

namespace meap {
namespace {

struct Preset {
  const char* name;
  int64_t layers, hidden, intermediate, heads, kv_heads;
};

// The first four: the sizes of the authors' code, 2 key/value groups, head width 64.
constexpr Preset kPresets[] = {
    {"meap-0.1b", 12, 768, 2048, 12, 2},  {"meap-0.3b", 24, 1024, 2736, 16, 2},
    {"meap-0.5b", 24, 1024, 4864, 16, 2}, {"meap-1.1b", 24, 2048, 5632, 32, 2},
    {"small", 6, 192, 512, 6, 2},         {"tiny", 2, 64, 192, 2, 2},
};

void Override(int64_t& field, int64_t given) {
  if (given > 0) field = given;
}

}  // namespace

std::vector<std::string> PresetNames() {
  std::vector<std::string> names;
  for (const Preset& preset : kPresets) names.emplace_back(preset.name);
  return names;
}

LlamaConfig ConfigFromOptions(const ModelOptions& options, int64_t vocab_rows,
                              int64_t sequence_length) {
  LlamaConfig config;
  if (!options.preset.empty()) {
    const Preset* found = nullptr;
    for (const Preset& preset : kPresets) {
      if (options.preset == preset.name) found = &preset;
    }
    if (found == nullptr) {
      const std::string nearest = NearestName(options.preset, PresetNames());
      throw InputError({.what = "unknown preset",
                        .where = "model.preset",
                        .expected = "one of " + Join(PresetNames(), ", "),
                        .got = options.preset,
                        .hint = nearest.empty() ? "" : "did you mean " + nearest + "?"});
    }
    config.num_hidden_layers = found->layers;
    config.hidden_size = found->hidden;
    config.intermediate_size = found->intermediate;
    config.num_attention_heads = found->heads;
    config.num_key_value_heads = found->kv_heads;
  }
  Override(config.hidden_size, options.hidden_size);
  Override(config.intermediate_size, options.intermediate_size);
  Override(config.num_hidden_layers, options.num_hidden_layers);
  Override(config.num_attention_heads, options.num_attention_heads);
  Override(config.num_key_value_heads, options.num_key_value_heads);
  Override(config.head_dim, options.head_dim);
  config.vocab_size = options.vocab_size > 0 ? options.vocab_size : vocab_rows;
  config.max_position_embeddings =
      options.max_position_embeddings > 0 ? options.max_position_embeddings : sequence_length;
  config.rms_norm_eps = options.rms_norm_eps;
  config.rope_theta = options.rope_theta;
  config.tie_word_embeddings = options.tie_word_embeddings;
  config.initializer_range = options.initializer_range;
  if (config.vocab_size < vocab_rows) {
    throw InputError({.what = "the model has fewer embedding rows than the tokenizer has tokens",
                      .where = "model.vocab_size",
                      .expected = "at least " + std::to_string(vocab_rows) + " ([MASK] included)",
                      .got = std::to_string(config.vocab_size),
                      .hint = "raise model.vocab_size or leave it out"});
  }
  ResolveConfig(config, options.preset.empty() ? "model.*" : "model.preset " + options.preset);
  return config;
}

}  // namespace meap
