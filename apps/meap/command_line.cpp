#include "command_line.h"

#include <algorithm>

#include "core/error.h"
#include "words.h"

namespace meap {
namespace {

/// Takes the work from an app and its commands; what they check while they parse stays.
void RemoveWork(CLI::App& app) {
  app.final_callback({});
  for (CLI::App* command : app.get_subcommands({})) RemoveWork(*command);
}

}  // namespace

void AddCommands(CLI::App& root, ExitCode& exit_code) {
  AddTokenizerCommand(root);
  AddDataCommand(root);
  AddPretrainCommand(root, exit_code);
  AddFinetuneCommand(root, exit_code);
  AddInspectCommand(root);
  AddScoreCommand(root);
  AddGenerateCommand(root);
  AddChatCommand(root, exit_code);
  AddEvalCommand(root);
  AddCompareCommand(root);
  AddAttentionCommand(root);
  AddExperimentCommand(root, exit_code);
  AddJudgeCommand(root, exit_code);
  AddReportCommand(root);
  AddOptionsCommand(root);
}

void CheckCommandLine(const std::vector<std::string>& words) {
  CLI::App app;
  ExitCode exit_code = ExitCode::kDone;
  app.require_subcommand(1);
  AddCommands(app, exit_code);
  std::vector<std::string> checked = CheckedWords(app, words);
  RemoveWork(app);
  try {
    std::reverse(checked.begin(), checked.end());  // it reads from the end
    app.parse(std::move(checked));
  } catch (const CLI::ParseError& error) {
    throw InputError({.what = error.what(), .hint = "`meap COMMAND --help` says what it takes"});
  }
}

}  // namespace meap
