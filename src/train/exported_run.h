// A run of which the model is there and the checkpoints are not.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>

#include "config/recipe.h"

namespace meap {

/// For `--resume` where recipe.output has no checkpoint: nothing where it has no hf/ either. Else
/// what is known of the run, from metrics.jsonl, when it is as long as the recipe's; InputError
/// when it is not: the exported model is never replaced.
std::optional<nlohmann::ordered_json> ExportedRunSummary(const Recipe& recipe);

}  // namespace meap
