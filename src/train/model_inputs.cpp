#include "train/model_inputs.h"

#include <fmt/format.h>

#include <algorithm>

#include "checkpoint/hf_folder.h"
#include "core/console.h"
#include "core/error.h"
#include "model/presets.h"

namespace meap {
namespace {

/// The sizes are those of model.path: another one in the recipe would be ignored. What stands at
/// its default was hardly written by hand, and a run's own recipe.yaml writes out every default.
void CheckSizesBesidePath(const ModelOptions& given, const LlamaConfig& stored,
                          const LlamaConfig& grown) {
  const ModelOptions standard;
  const auto check = [](const char* key, auto value, auto unset, auto has, auto may_have) {
    if (value == unset || value == has || value == may_have) return;
    throw InputError({.what = std::string("model.") + key + " cannot be changed beside model.path",
                      .where = std::string("model.") + key,
                      .expected = fmt::format("{}, the model's, or nothing", has),
                      .got = fmt::format("{}", value),
                      .hint = "leave the key out, or leave model.path out to train a new model"});
  };
#define MEAP_CHECK_SIZE(key) check(#key, given.key, standard.key, stored.key, grown.key)
  MEAP_CHECK_SIZE(hidden_size);
  MEAP_CHECK_SIZE(intermediate_size);
  MEAP_CHECK_SIZE(num_hidden_layers);
  MEAP_CHECK_SIZE(num_attention_heads);
  MEAP_CHECK_SIZE(num_key_value_heads);
  MEAP_CHECK_SIZE(head_dim);
  MEAP_CHECK_SIZE(vocab_size);
  MEAP_CHECK_SIZE(max_position_embeddings);
  MEAP_CHECK_SIZE(rms_norm_eps);
  MEAP_CHECK_SIZE(rope_theta);
  MEAP_CHECK_SIZE(tie_word_embeddings);
  MEAP_CHECK_SIZE(initializer_range);
#undef MEAP_CHECK_SIZE
}

/// The shape of model.path with the rows that [MASK] needs; the tokenizer must fit the model.
LlamaConfig ConfigFromFolder(const LlamaConfig& stored, const Recipe& recipe, int64_t own_rows,
                             int64_t rows) {
  if (stored.vocab_size < own_rows) {
    throw InputError(
        {.what = "the tokenizer does not fit the model",
         .where = "tokenizer " + recipe.tokenizer + ", model.path " + recipe.model.path,
         .expected = "a tokenizer of at most " + std::to_string(stored.vocab_size) +
                     " tokens, the model's vocab_size",
         .got = std::to_string(own_rows) + " tokens",
         .hint = "use the tokenizer that the model was trained with"});
  }
  if (recipe.data.sequence_length > stored.max_position_embeddings) {
    throw InputError({.what = "data.sequence_length exceeds the model's context",
                      .where = "data.sequence_length",
                      .expected = "at most " + std::to_string(stored.max_position_embeddings) +
                                  " (max_position_embeddings)",
                      .got = std::to_string(recipe.data.sequence_length)});
  }
  LlamaConfig config = stored;
  config.vocab_size = std::max(stored.vocab_size, rows);
  CheckSizesBesidePath(recipe.model, stored, config);
  return config;
}

void SetSpecialIds(LlamaConfig& config, const Tokenizer& tokenizer) {
  if (tokenizer.bos()) config.bos_token_id = *tokenizer.bos();
  if (tokenizer.eos()) AddEndToken(*tokenizer.eos(), config);
  if (tokenizer.pad()) config.pad_token_id = *tokenizer.pad();
}

}  // namespace

void AddEndToken(int64_t id, LlamaConfig& config) {
  std::vector<int64_t>& ends = config.eos_token_id;
  if (std::find(ends.begin(), ends.end(), id) == ends.end()) ends.push_back(id);
}

ModelInputs OpenModelInputs(const Recipe& recipe) {
  ModelInputs inputs;
  inputs.tokenizer = std::make_shared<Tokenizer>(Tokenizer::Load(recipe.tokenizer));
  const int64_t own_rows = inputs.tokenizer->VocabSize();
  inputs.mask_id = inputs.tokenizer->AddMaskToken();
  const int64_t rows = inputs.tokenizer->VocabSize();
  if (recipe.model.path.empty()) {
    inputs.config = ConfigFromOptions(recipe.model, rows, recipe.data.sequence_length);
  } else {
    inputs.stored = ReadHfConfig(recipe.model.path);
    inputs.config = ConfigFromFolder(*inputs.stored, recipe, own_rows, rows);
  }
  SetSpecialIds(inputs.config, *inputs.tokenizer);
  return inputs;
}

InputHashes HashModelInputs(const ModelInputs& inputs, const Recipe& recipe) {
  InputHashes hashes = {{"tokenizer " + recipe.tokenizer, inputs.tokenizer->ContentHash()}};
  if (inputs.stored) {
    hashes.emplace_back("model.path " + recipe.model.path, HashHfFolder(recipe.model.path));
  }
  return hashes;
}

void NoteCutMicroBatch(const Recipe& recipe, int64_t micro_rows) {
  if (recipe.train.micro_batch <= micro_rows) return;
  Note(fmt::format("train.micro_batch {} is more than a step has: its {} sequences run at once",
                   recipe.train.micro_batch, micro_rows));
}

}  // namespace meap
