// The tokenizer and the shape of the model that a recipe trains, checked against each other.
#pragma once

#include <memory>
#include <optional>

#include "checkpoint/hf_config.h"
#include "config/recipe.h"
#include "text/tokenizer.h"
#include "train/input_hashes.h"

namespace meap {

struct ModelInputs {
  std::shared_ptr<Tokenizer> tokenizer;  // with its [MASK]
  int32_t mask_id = -1;
  LlamaConfig config;                 // of the model that is trained
  std::optional<LlamaConfig> stored;  // of model.path, which may have fewer embedding rows
};

/// Opens the tokenizer and model.path, or takes the recipe's sizes. A tokenizer that does not fit
/// the model, a data.sequence_length beyond its context, or a size beside model.path that is not
/// the model's, is an InputError.
ModelInputs OpenModelInputs(const Recipe& recipe);

/// Makes generation from the model stop at `id` too.
void AddEndToken(int64_t id, LlamaConfig& config);

/// Hashes of the tokenizer and of model.path.
InputHashes HashModelInputs(const ModelInputs& inputs, const Recipe& recipe);

/// Says so when train.micro_batch is more than a step's rows, which then run at once.
void NoteCutMicroBatch(const Recipe& recipe, int64_t micro_rows);

}  // namespace meap
