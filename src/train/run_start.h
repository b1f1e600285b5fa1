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

/// Where and how a run begins.
struct RunStart {
  std::optional<LoadedState> from = {};  // the checkpoint to go on from; nothing: a fresh start
  bool finished = false;                 // its run is whole and exported: nothing is left to do
  int threads = 0;                       // to compute with
};

/// Finds it. Threads are the recipe's, else those the checkpoint was computed with, so that the
/// bits stay the same, else the machine's. A finished run is not held against the recipe, unless
/// that asks for another length. Else a recipe that differs from the checkpoint's is shown as a
/// diff. InputError when `recipe.output` cannot be written, when it holds a run that is not
/// resumed, and when the recipe differs in a key that changes what is computed and changes are not
/// allowed; the number of threads is none of these.
RunStart FindStart(const Recipe& recipe, const StartOptions& options);

}  // namespace meap
