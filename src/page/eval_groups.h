// Evaluations as the page compares them: what several files say of one model is one run, and runs
// that share tasks are one group.
#pragma once

#include <vector>

#include "compare/runs.h"

namespace meap {

/// Runs of one name, model, hash and settings, made of different tasks, as one run with all of
/// them. A task that was run twice stays in two runs.
std::vector<EvalRun> JoinedByModel(std::vector<EvalRun> runs);

/// Groups that have no task in common: a run is in the group of every run that it shares a task
/// with. Order is kept, so that a group's first run is the first that was named.
std::vector<std::vector<EvalRun>> ComparableGroups(std::vector<EvalRun> runs);

}  // namespace meap
