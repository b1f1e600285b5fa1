// The subcommands of `meap` together: what main parses, and what can be said of a command line
// without running it.
#pragma once

#include <string>
#include <vector>

#include "commands.h"

namespace meap {

/// Adds every subcommand to the root. `exit_code` is set by those whose work can be stopped.
void AddCommands(CLI::App& root, ExitCode& exit_code);

/// Refuses the words of a command line that would be refused before its work begins: commands,
/// options, their values, tasks. An InputError; nothing runs.
void CheckCommandLine(const std::vector<std::string>& words);

}  // namespace meap
