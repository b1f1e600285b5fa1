// Model sizes by name, and a configuration from a recipe's model options.
#pragma once

#include <string>
#include <vector>

#include "checkpoint/hf_config.h"
#include "config/recipe.h"

namespace meap {

/// Names of the presets: the paper's four pre-training sizes (meap-0.1b, meap-0.3b, meap-0.5b,
/// meap-1.1b) and two for one machine (small, tiny).
std::vector<std::string> PresetNames();

/// The configuration a recipe describes by preset and sizes; sizes win. `vocab_rows` is what the
/// tokenizer needs ([MASK] included): a smaller model.vocab_size is an InputError. Sizes that are
/// missing or do not fit together are InputErrors naming the key.
LlamaConfig ConfigFromOptions(const ModelOptions& options, int64_t vocab_rows,
                              int64_t sequence_length);

}  // namespace meap
