// `meap pretrain`: a recipe in, a run folder out.
#pragma once

#include "config/recipe.h"
#include "train/run.h"

namespace meap {

/// Trains on plain text by `recipe`, with NTP or MEAP; see RunTraining.
RunOutcome Pretrain(const Recipe& recipe, const StartOptions& start);

}  // namespace meap
