// `meap finetune`: a recipe in, a run folder out.
#pragma once

#include "config/recipe.h"
#include "train/run.h"

namespace meap {

/// Trains on instruction data by `recipe`, with NTP or MEAP; see RunTraining.
RunOutcome Finetune(const Recipe& recipe, const StartOptions& start);

}  // namespace meap
