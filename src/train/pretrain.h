// `meap pretrain`: a recipe in, a run folder out.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>

#include "config/recipe.h"
#include "core/error.h"

namespace meap {

/// How a run ended.
struct RunOutcome {
  nlohmann::ordered_json summary;        // steps, tokens, losses, seconds, folders
  ExitCode exit_code = ExitCode::kDone;  // or 130, 143: stopped with the state saved
};

/// Trains by `recipe` into recipe.output: metrics.jsonl, tensorboard/, checkpoints/, recipe.yaml
/// and, when finished, hf/. With `resume` it goes on from the newest good checkpoint, to the last
/// bit as if it had never stopped; a finished run is only reported. Without, an output folder that
/// holds a run is an InputError, so that nothing is lost.
RunOutcome Pretrain(Recipe recipe, bool resume);

}  // namespace meap
