#include "train/run_start.h"

#include <algorithm>
#include <limits>

#include "checkpoint/leftovers.h"
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
                          "data.validation", "train.recompute", "lora.export"}) {
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

/// A whole run, its model exported, that is not asked for another length or export.
bool IsFinished(const Recipe& recipe, const LoadedState& from,
                const std::vector<std::string>& changes) {
  // Checkpoints of older versions do not say how long the run is.
  if (from.step < from.state.value("steps", std::numeric_limits<int64_t>::max())) return false;
  if (!fs::exists(fs::path(recipe.output) / "hf")) return false;
  return !ChangesLength(changes) &&
         std::none_of(changes.begin(), changes.end(),
                      [](const std::string& line) { return IsOf(line, "lora.export"); });
}

[[noreturn]] void RefuseChanges(const char* what, const LoadedState& from,
                                const std::vector<std::string>& lines) {
  throw InputError({.what = what,
                    .where = from.folder.string(),
                    .got = "\n    " + Join(lines, "\n    "),
                    .hint = "resume with what the run began with, start a new run in another "
                            "output, or go on with --allow-changes"});
}

constexpr char kGoesOnOtherwise[] =
    "the run goes on otherwise than it would have without the changes";

void CheckSameRun(const std::vector<std::string>& changes, const LoadedState& from,
                  bool allow_changes) {
  if (changes.empty()) return;
  std::vector<std::string> breaking;
  for (const std::string& line : changes) {
    if (!MayChange(line)) breaking.push_back(line);
  }
  if (breaking.empty() || allow_changes) {
    Note("the recipe differs from the checkpoint's\n  " + Join(changes, "\n  "));
    if (!breaking.empty()) Warn(kGoesOnOtherwise);
    return;
  }
  RefuseChanges("the recipe differs from that of the run to be resumed", from, breaking);
}

/// The lines of a diff between hashes, of the first few that differ.
std::vector<std::string> InputChanges(const nlohmann::json& before, const nlohmann::json& now) {
  constexpr size_t kShown = 8;
  std::vector<std::string> lines;
  const auto add = [&](const char* sign, const nlohmann::json& inputs, size_t i) {
    if (i >= inputs.size()) return;
    lines.push_back(sign + inputs[i][0].get<std::string>() + ": " +
                    inputs[i][1].get<std::string>());
  };
  size_t differ = 0;
  for (size_t i = 0; i < std::max(before.size(), now.size()); ++i) {
    if (i < before.size() && i < now.size() && before[i][1] == now[i][1]) continue;
    if (++differ > kShown) continue;
    add("- ", before, i);
    add("+ ", now, i);
  }
  if (differ > kShown) lines.push_back(std::to_string(differ - kShown) + " more");
  return lines;
}

void CheckWritable(const fs::path& output) {
  fs::path existing = fs::absolute(output);
  while (!fs::exists(existing) && existing.has_parent_path()) existing = existing.parent_path();
  MakeOutputDirectory(existing, "output");
}

std::unique_ptr<FolderLock> LockRun(const fs::path& output) {
  auto lock = std::make_unique<FolderLock>(output, FolderLock::Children::kDoNotHold);
  if (lock->Take()) return lock;
  throw WorkError({.what = "another process is training into this folder",
                   .where = "output = " + output.string(),
                   .hint = "wait for it to end, or name another output"});
}

}  // namespace

bool ChangesLength(const std::vector<std::string>& changes) {
  return std::any_of(changes.begin(), changes.end(), [](const std::string& line) {
    return IsOf(line, "train.steps") || IsOf(line, "train.epochs");
  });
}

RunStart FindStart(const Recipe& recipe, const StartOptions& options) {
  const fs::path output = recipe.output;
  CheckWritable(output);
  RunStart start;
  if (fs::exists(output)) {
    start.lock = LockRun(output);
    if (options.resume) CleanLeftovers(output);
  }
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
    start.finished =
        (changes.empty() || !options.allow_changes) && IsFinished(recipe, *start.from, changes);
    if (!start.finished) CheckSameRun(changes, *start.from, options.allow_changes);
  }
  start.threads = recipe.train.threads > 0 ? static_cast<int>(recipe.train.threads)
                  : start.from             ? start.from->state.at("threads").get<int>()
                                           : DefaultThreads();
  return start;
}

void HoldRunFolder(const fs::path& output, RunStart& start) {
  if (start.lock) return;
  MakeOutputDirectory(output, "output");
  start.lock = LockRun(output);
  if (!fs::exists(output / "metrics.jsonl")) return;
  throw WorkError({.what = "another process has trained into this folder since this one began",
                   .where = "output = " + output.string(),
                   .hint = "go on with --resume, or name another output"});
}

void CheckSameInputs(const nlohmann::json& inputs, const LoadedState& from, bool allow_changes) {
  if (!from.state.contains("inputs")) return;
  const std::vector<std::string> lines = InputChanges(from.state["inputs"], inputs);
  if (lines.empty()) return;
  if (!allow_changes) {
    RefuseChanges("the inputs have changed since the run to be resumed", from, lines);
  }
  Note("the inputs have changed since the checkpoint\n  " + Join(lines, "\n  "));
  Warn(kGoesOnOtherwise);
}

nlohmann::json InputsToJson(const InputHashes& inputs) {
  auto list = nlohmann::json::array();
  for (const auto& [name, hash] : inputs) list.push_back(nlohmann::json::array({name, hash}));
  return list;
}

}  // namespace meap
