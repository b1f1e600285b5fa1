// Whether a run begins, goes on or has nothing left to do, found out before any work is done.
#pragma once

#include <optional>

#include "checkpoint/train_state.h"
#include "config/recipe.h"

namespace meap {

struct StartOptions {
  bool resume = false;         // go on from the newest good checkpoint
  bool allow_changes = false;  // with another recipe than the checkpoint's
};

/// The checkpoint to go on from, or nothing for a fresh start. A recipe that differs from the
/// checkpoint's is shown as a diff. InputError when `recipe.output` cannot be written, when it
/// holds a run that is not resumed, and when the recipe differs in a key that changes what is
/// computed and changes are not allowed.
std::optional<LoadedState> FindStart(const Recipe& recipe, const StartOptions& options);

}  // namespace meap
