// Whether a run begins, goes on or has nothing left to do, found out before any work is done.
#pragma once

#include <optional>

#include "checkpoint/train_state.h"
#include "config/recipe.h"

namespace meap {

/// The checkpoint to go on from, or nothing for a fresh start. InputError when `recipe.output`
/// cannot be written, when it holds a run and `resume` is not set, and when the recipe differs from
/// the checkpoint's in a key that changes what is computed.
std::optional<LoadedState> FindStart(const Recipe& recipe, bool resume);

}  // namespace meap
