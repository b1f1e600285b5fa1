// What a fine-tuning recipe names, opened and checked: tokenizer, model, samples under the
// template.
#pragma once

#include <memory>
#include <string>

#include "config/recipe.h"
#include "data/drops.h"
#include "train/finetune_stream.h"
#include "train/model_inputs.h"

namespace meap {

struct FinetuneInputs : ModelInputs {
  std::string chat_template = {};  // the name of the one in use
  std::shared_ptr<const FinetuneStream> train = {};
  std::shared_ptr<const FinetuneStream> validation =
      {};                        // may be null; plain samples, answers alone
  DropCounts dropped = {};       // broken records of data.train
  InputHashes data_hashes = {};  // of data.train, see TrainTask::inputs
  int64_t steps = 0;             // optimizer steps in the run
  int64_t micro_rows = 0;        // rows and
  int64_t micro_tokens = 0;      // tokens in one forward pass, the most
  int64_t validation_rows = 0;   // full rows in a pass over validation data
};

/// Reads and encodes all samples. Broken ones are counted and warned of; files without a usable one
/// are an InputError, as is every mismatch.
FinetuneInputs OpenFinetuneInputs(const Recipe& recipe);

/// True when a file can be read as conversations; a folder, or a file of anything else, cannot.
bool HoldsConversations(const fs::path& path);

}  // namespace meap
