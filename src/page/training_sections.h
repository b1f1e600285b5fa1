// What the report says of training runs.
#pragma once

#include <vector>

#include "page/page.h"
#include "page/training_run.h"

namespace meap {

/// One line a run: objective, steps, tokens, losses, speed.
PageSection OverviewSection(const std::vector<TrainingRun>& runs);

/// Recipe keys that differ between the runs, and each whole recipe folded away.
PageSection RecipeSection(const std::vector<TrainingRun>& runs);

/// Loss over steps: training, validation, and the parts that masks split them into; then learning
/// rate and gradient norm.
PageSection LossSection(const std::vector<TrainingRun>& runs, RunColors& colors);

/// Tokens a second over steps, and where a step's time goes.
PageSection SpeedSection(const std::vector<TrainingRun>& runs, RunColors& colors);

}  // namespace meap
