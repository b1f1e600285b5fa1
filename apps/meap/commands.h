// The subcommands of `meap`. Each file beside this one adds one to the root command; a command's
// work runs in its CLI11 callback and reports failure by throwing meap::Error.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <map>
#include <string>

#include "config/recipe.h"
#include "core/error.h"

namespace meap {

/// Flags every command that computes takes; a default of "" or 0 leaves the choice to the command.
struct CommonFlags {
  std::string device = "auto";
  std::string dtype;
  int threads = 0;
  bool quiet = false;
  uint64_t seed = 0;
  bool runs_model = false;  // set by AddCommonFlags
};

/// The words for recipe tasks.
inline const std::map<std::string, RecipeTask> kTaskNames = {{"pretrain", RecipeTask::kPretrain},
                                                             {"finetune", RecipeTask::kFinetune}};

/// Adds --threads and --quiet, and for commands that run a model --device, --dtype and --seed.
void AddCommonFlags(CLI::App& command, CommonFlags& flags, bool runs_model);

/// Applies --quiet, and for commands that run a model how threads wait; returns the number of
/// threads to use.
int ApplyCommonFlags(const CommonFlags& flags);

void AddTokenizerCommand(CLI::App& root);
void AddDataCommand(CLI::App& root);
void AddPretrainCommand(CLI::App& root, ExitCode& exit_code);
void AddFinetuneCommand(CLI::App& root, ExitCode& exit_code);
void AddInspectCommand(CLI::App& root);
void AddOptionsCommand(CLI::App& root);
void AddScoreCommand(CLI::App& root);
void AddGenerateCommand(CLI::App& root);
void AddChatCommand(CLI::App& root, ExitCode& exit_code);
void AddEvalCommand(CLI::App& root);
void AddCompareCommand(CLI::App& root);
void AddAttentionCommand(CLI::App& root);
void AddExperimentCommand(CLI::App& root, ExitCode& exit_code);
void AddJudgeCommand(CLI::App& root, ExitCode& exit_code);
void AddReportCommand(CLI::App& root);

}  // namespace meap
