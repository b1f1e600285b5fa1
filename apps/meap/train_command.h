// What `meap pretrain` and `meap finetune` share: their arguments, and running by them.
#pragma once

#include <string>

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

/// Adds it; it prints the run's summary and sets `exit_code`.
void AddTrainCommand(CLI::App& root, const TrainCommand& command, ExitCode& exit_code);

}  // namespace meap
