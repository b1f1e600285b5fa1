// The subcommands of `meap` together: what main parses, and what can be said of a command line
// without running it.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "commands.h"

namespace meap {

/// Adds every subcommand to the root. `exit_code` is set by those whose work can be stopped.
void AddCommands(CLI::App& root, ExitCode& exit_code);

/// Refuses words that begin with no command of `app`, or of the command they begin with: CLI11 says
/// of an unknown command only that one is required. `path` is what was read before.
void CheckCommandName(const CLI::App& app, std::span<const std::string> words,
                      const std::string& path);

/// Refuses the words of a command line that would be refused before its work begins: commands,
/// options, their values, tasks. An InputError; nothing runs.
void CheckCommandLine(const std::vector<std::string>& words);

}  // namespace meap
