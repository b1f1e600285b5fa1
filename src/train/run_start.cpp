#include "train/run_start.h"

#include <algorithm>
#include <limits>

#include "core/console.h"
#include "core/error.h"
#include "core/files.h"
#include "core/parallel.h"
#include "core/strings.h"

namespace meap {
namespace {

/// Keys that may change on resume without changing what is computed.
bool MayChange(const std::string& line) {
  for (const char* key : {"checkpoint.", "validation.", "guard.", "output", "data.cache",
                          "data.validation", "train.recompute"}) {
    if (line.substr(2).starts_with(key)) return true;
  }
  return false;
}

bool IsOf(const std::string& line, const std::string& key) {
  return line.substr(2).starts_with(key + ":");
}

/// What differs, threads aside: their number is looked at when the checkpoint is restored.
std::vector<std::string> Changes(const Recipe& recipe, const LoadedState& from) {
  std::vector<std::string> changes = DiffRecipes(from.recipe, recipe.Dump());
  std::erase_if(changes, [](const std::string& line) { return IsOf(line, "train.threads"); });
  return changes;
}

/// A whole run, its model exported, that is not asked to become a longer or shorter one.
bool IsFinished(const Recipe& recipe, const LoadedState& from,
                const std::vector<std::string>& changes) {
  // Checkpoints of older versions do not say how long the run is.
  if (from.step < from.state.value("steps", std::numeric_limits<int64_t>::max())) return false;
  if (!fs::exists(fs::path(recipe.output) / "hf")) return false;
  return std::none_of(changes.begin(), changes.end(), [](const std::string& line) {
    return IsOf(line, "train.steps") || IsOf(line, "train.epochs");
  });
}

void CheckSameRun(const std::vector<std::string>& changes, const LoadedState& from,
                  bool allow_changes) {
  if (changes.empty()) return;
  std::vector<std::string> breaking;
  for (const std::string& line : changes) {
    if (!MayChange(line)) breaking.push_back(line);
  }
  if (breaking.empty() || allow_changes) {
    Note("the recipe differs from the checkpoint's\n  " + Join(changes, "\n  "));
    if (!breaking.empty()) Warn("the run goes on otherwise than it would have without the changes");
    return;
  }
  throw InputError({.what = "the recipe differs from that of the run to be resumed",
                    .where = from.folder.string(),
                    .got = "\n    " + Join(breaking, "\n    "),
                    .hint = "resume with the old values, start a new run in another output, or go "
                            "on with --allow-changes"});
}

void CheckWritable(const fs::path& output) {
  fs::path existing = fs::absolute(output);
  while (!fs::exists(existing) && existing.has_parent_path()) existing = existing.parent_path();
  MakeOutputDirectory(existing, "output");
}

}  // namespace

RunStart FindStart(const Recipe& recipe, const StartOptions& options) {
  const fs::path output = recipe.output;
  CheckWritable(output);
  RunStart start;
  if (!options.resume) {
    if (fs::exists(output / "metrics.jsonl")) {
      throw InputError({.what = "the output folder holds a run already",
                        .where = "output = " + recipe.output,
                        .hint = "go on with --resume, name another output, or remove the folder"});
    }
  } else {
    start.from = LoadNewestGood(output / "checkpoints");
  }
  if (start.from) {
    const std::vector<std::string> changes = Changes(recipe, *start.from);
    start.finished = !options.allow_changes && IsFinished(recipe, *start.from, changes);
    if (!start.finished) CheckSameRun(changes, *start.from, options.allow_changes);
  }
  start.threads = recipe.train.threads > 0 ? static_cast<int>(recipe.train.threads)
                  : start.from             ? start.from->state.at("threads").get<int>()
                                           : DefaultThreads();
  return start;
}

}  // namespace meap
