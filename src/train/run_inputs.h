// What a recipe names, opened and checked: tokenizer, token data, the model's shape. Nothing is
// written here but the cache of raw files once tokenised.
#pragma once

#include <memory>

#include "config/recipe.h"
#include "data/batch.h"
#include "data/token_store.h"
#include "objective/rows.h"
#include "train/model_inputs.h"

namespace meap {

struct RunInputs : ModelInputs {
  std::vector<MixtureSource> train = {};              // entry by entry with data.weights, else one
  std::shared_ptr<const TokenStore> validation = {};  // may be null
  int64_t batch_rows = 0;                             // sequences in an optimizer step
  int64_t micro_rows = 0;                             // sequences in one forward pass
  int64_t steps = 0;                                  // optimizer steps in the run
  PretrainObjective objective = {};

  /// The stream of training batches, and validation rows in their order.
  BatchReader TrainReader(const Recipe& recipe) const;
  BatchReader ValidationReader(const Recipe& recipe) const;
};

/// Opens and checks all of it. Every mismatch (tokenizer and model, data and tokenizer, too little
/// data, too long a context) is an InputError.
RunInputs OpenRunInputs(const Recipe& recipe, int threads);

/// The rows that `batch` becomes under the objective: masked inputs and labels. `step`
/// is the optimizer step, from 1.
TrainingRows MakeRows(const PretrainObjective& objective, const Batch& batch, int64_t step);

}  // namespace meap
