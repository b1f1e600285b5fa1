// The subcommands of `meap`. Each file beside this one adds one to the root command; a command's
// work runs in its CLI11 callback and reports failure by throwing meap::Error.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "config/recipe.h"
#include "core/error.h"

namespace meap {

/// Flags every command takes; a default of "" or 0 leaves the choice to the command.
struct CommonFlags {
  std::string device = "auto";
  std::string dtype;
  int threads = 0;
  bool quiet = false;
  uint64_t seed = 0;
  bool runs_model = false;          // set by AddCommonFlags
  std::vector<std::string> unused;  // given, and without a meaning for the command
};

/// What a command does, and with it which of the common flags mean something to it.
enum class Computes { kNothing, kOnThreads, kModel };

/// The words for recipe tasks.
inline const std::map<std::string, RecipeTask> kTaskNames = {{"pretrain", RecipeTask::kPretrain},
                                                             {"finetune", RecipeTask::kFinetune}};

/// Adds --device, --dtype, --threads, --quiet and --seed, those that the command has not already.
/// One that means nothing to it is taken all the same, and not in its help.
void AddCommonFlags(CLI::App& command, CommonFlags& flags, Computes computes);

/// Applies --quiet, and for commands that run a model how threads wait; notes the flags that had no
/// effect. Returns the number of threads to use.
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
