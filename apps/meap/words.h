// The words of the command line, looked at before CLI11 reads them.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace meap {

/// `words` (without the program's name) as CLI11 is to get them: `--flag=` becomes `--flag` and an
/// empty value, for which CLI11 2.1 would take the next word. An unknown command or flag is an
/// InputError that names the nearest one, before anything that may be missing too.
std::vector<std::string> CheckedWords(const CLI::App& app, const std::vector<std::string>& words);

}  // namespace meap
