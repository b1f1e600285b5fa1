// What the report says of evaluations.
#pragma once

#include <vector>

#include "compare/comparison.h"
#include "page/page.h"

namespace meap {

/// Scores with differences against the first run, scores by position, heat maps, and what judges
/// said of summaries. Runs without a task in common stand in tables of their own
/// (eval_groups.h).
std::vector<PageSection> EvaluationSections(std::vector<EvalRun> runs, RunColors& colors);

}  // namespace meap
