// What `meap pretrain` and `meap finetune` share: their arguments, and running by them; and what
// `meap inspect` shares with them.
#pragma once

#include <string>
#include <vector>

#include "commands.h"
#include "train/run.h"

namespace meap {

/// A training subcommand: its name, help, examples, and what it runs on recipes of its task.
struct TrainCommand {
  std::string name;
  std::string help;
  std::string footer;
  RecipeTask task;
  RunOutcome (*train)(const Recipe& recipe, const StartOptions& start);
};

/// Adds the common flags where they are another way to write recipe keys.
void AddRecipeFlags(CLI::App& command, CommonFlags& flags);

/// `overrides` and behind them the flags that were given, as key=value words. --dtype f16:
/// InputError.
std::vector<std::string> WithFlags(std::vector<std::string> overrides, const CLI::App& command,
                                   const CommonFlags& flags);

/// Adds it; it prints the run's summary and sets `exit_code`.
void AddTrainCommand(CLI::App& root, const TrainCommand& command, ExitCode& exit_code);

}  // namespace meap
