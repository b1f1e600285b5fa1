#include "command_line.h"

#include <algorithm>

#include "core/strings.h"

namespace meap {
namespace {

std::vector<std::string> CommandsOf(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands({})) names.push_back(command->get_name());
  return names;
}

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

void CheckCommandName(const CLI::App& app, std::span<const std::string> words,
                      const std::string& path) {
  const std::vector<std::string> known = CommandsOf(app);
  if (known.empty() || words.empty() || words[0].starts_with('-')) return;
  const std::string& word = words[0];
  if (std::find(known.begin(), known.end(), word) != known.end()) {
    return CheckCommandName(*app.get_subcommand(word), words.subspan(1), path + " " + word);
  }
  const std::string nearest = NearestName(word, known);
  throw InputError({.what = "there is no command " + path + " " + word,
                    .expected = "one of " + Join(known, ", "),
                    .hint = nearest.empty() ? "`" + path + " --help` says what they do"
                                            : "did you mean " + nearest + "?"});
}

void CheckCommandLine(const std::vector<std::string>& words) {
  CLI::App app;
  ExitCode exit_code = ExitCode::kDone;
  app.require_subcommand(1);
  AddCommands(app, exit_code);
  CheckCommandName(app, words, "meap");
  RemoveWork(app);
  try {
    app.parse(std::vector<std::string>(words.rbegin(), words.rend()));  // it reads from the end
  } catch (const CLI::ParseError& error) {
    throw InputError({.what = error.what(), .hint = "`meap COMMAND --help` says what it takes"});
  }
}

}  // namespace meap
