// Whether a run begins, goes on or has nothing left to do, found out before any work is done.
#pragma once

#include <memory>
#include <optional>

#include "checkpoint/train_state.h"
#include "config/recipe.h"
#include "core/folder_lock.h"
#include "train/input_hashes.h"

namespace meap {

struct StartOptions {
  bool resume = false;         // go on from the newest good checkpoint
  bool allow_changes = false;  // with another recipe than the checkpoint's
};

/// Where and how a run begins.
struct RunStart {
  std::optional<LoadedState> from = {};   // the checkpoint to go on from; nothing: a fresh start
  bool finished = false;                  // its run is whole and exported: nothing is left to do
  int threads = 0;                        // to compute with
  std::unique_ptr<FolderLock> lock = {};  // of the run folder; nothing where that is yet to be made
};

/// Finds it, and holds a folder that is there: another process that trains in it is a WorkError,
/// and what killed ones left beside their files goes. Threads are the recipe's, else those the
/// checkpoint was computed with, so that the bits stay the same, else the machine's. A finished run
/// is not held against the recipe, unless that asks for another length or export. Else a recipe
/// that differs from the checkpoint's is shown as a diff. InputError when `recipe.output` cannot be
/// written, when it holds a run that is not resumed, and when the recipe differs in a key that
/// changes what is computed and changes are not allowed; the number of threads is none of these.
RunStart FindStart(const Recipe& recipe, const StartOptions& options);

/// Makes the run folder, if it is not there, and holds it.
void HoldRunFolder(const fs::path& output, RunStart& start);

/// The inputs as a checkpoint keeps them.
nlohmann::json InputsToJson(const InputHashes& inputs);

/// InputError with a diff when data, tokenizer or base model (InputsToJson) are not what the run to
/// be resumed read, unless changes are allowed. A checkpoint of an older version does not say.
void CheckSameInputs(const nlohmann::json& inputs, const LoadedState& from, bool allow_changes);

/// Whether a diff between recipes asks for a run of another length.
bool ChangesLength(const std::vector<std::string>& changes);

}  // namespace meap
