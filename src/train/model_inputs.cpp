#include "train/model_inputs.h"

#include <algorithm>

#include "core/error.h"
#include "model/presets.h"

namespace meap {
namespace {

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
  return config;
}

void SetSpecialIds(LlamaConfig& config, const Tokenizer& tokenizer) {
  if (tokenizer.bos()) config.bos_token_id = *tokenizer.bos();
  if (tokenizer.eos()) config.eos_token_id = {*tokenizer.eos()};
  if (tokenizer.pad()) config.pad_token_id = *tokenizer.pad();
}

}  // namespace

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

}  // namespace meap
