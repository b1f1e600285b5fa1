#include "train/run_start.h"

#include "core/console.h"
#include "core/error.h"
#include "core/files.h"
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

void CheckSameRun(const Recipe& recipe, const LoadedState& from, bool allow_changes) {
  const std::vector<std::string> changes = DiffRecipes(from.recipe, recipe.Dump());
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

std::optional<LoadedState> FindStart(const Recipe& recipe, const StartOptions& options) {
  const fs::path output = recipe.output;
  CheckWritable(output);
  if (!options.resume) {
    if (fs::exists(output / "metrics.jsonl")) {
      throw InputError({.what = "the output folder holds a run already",
                        .where = "output = " + recipe.output,
                        .hint = "go on with --resume, name another output, or remove the folder"});
    }
    return std::nullopt;
  }
  std::optional<LoadedState> from = LoadNewestGood(output / "checkpoints");
  if (from) CheckSameRun(recipe, *from, options.allow_changes);
  return from;
}

}  // namespace meap
