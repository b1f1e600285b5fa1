#include "words.h"

#include <algorithm>

#include "core/error.h"
#include "core/strings.h"

namespace meap {
namespace {

std::vector<std::string> CommandsOf(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands({})) {
    if (!command->get_name().empty()) names.push_back(command->get_name());  // else flags' groups
  }
  return names;
}

/// The long names of its flags, those in groups too.
std::vector<std::string> FlagsOf(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  for (const CLI::App* group : command.get_subcommands({})) {
    if (!group->get_name().empty()) continue;
    for (std::string& name : FlagsOf(*group)) names.push_back(std::move(name));
  }
  return names;
}

[[noreturn]] void NoSuchCommand(const std::string& word, const std::string& path,
                                const std::vector<std::string>& known) {
  const std::string nearest = NearestName(word, known);
  throw InputError({.what = "there is no command " + path + " " + word,
                    .expected = "one of " + Join(known, ", "),
                    .hint = nearest.empty() ? "`" + path + " --help` says what they do"
                                            : "did you mean " + nearest + "?"});
}

[[noreturn]] void NoSuchFlag(const std::string& name, const std::string& path,
                             const CLI::App& command) {
  const std::string nearest = NearestName(name, FlagsOf(command));
  throw InputError({.what = path + " has no flag " + name,
                    .hint = nearest.empty() ? "`" + path + " --help` lists its flags"
                                            : "did you mean " + nearest + "?"});
}

bool TakesValue(const CLI::Option* option) {
  return option != nullptr && option->get_items_expected_max() > 0;
}

/// The words behind a command's name.
void CheckFlags(const CLI::App& command, const std::string& path,
                const std::vector<std::string>& words, size_t at,
                std::vector<std::string>& checked) {
  for (; at < words.size(); ++at) {
    const std::string& word = words[at];
    if (word == "--") break;  // the rest is no flags
    const size_t equals = word.starts_with("--") ? word.find('=') : std::string::npos;
    const std::string name = word.substr(0, equals);
    const CLI::Option* option = name.starts_with("-") ? command.get_option_no_throw(name) : nullptr;
    if (option == nullptr && name.starts_with("--")) NoSuchFlag(name, path, command);
    const bool takes = TakesValue(option);
    if (takes && equals + 1 == word.size()) {
      checked.insert(checked.end(), {name, ""});
      continue;
    }
    checked.push_back(word);
    if (takes && equals == std::string::npos && at + 1 < words.size()) {
      checked.push_back(words[++at]);
    }
  }
  checked.insert(checked.end(), words.begin() + static_cast<std::ptrdiff_t>(at), words.end());
}

}  // namespace

std::vector<std::string> CheckedWords(const CLI::App& app, const std::vector<std::string>& words) {
  const CLI::App* command = &app;
  std::string path = "meap";
  std::vector<std::string> checked;
  for (const std::string& word : words) {
    const std::vector<std::string> known = CommandsOf(*command);
    if (known.empty() || word.starts_with("-")) break;
    if (std::find(known.begin(), known.end(), word) == known.end()) {
      NoSuchCommand(word, path, known);
    }
    command = command->get_subcommand(word);
    path += " " + word;
    checked.push_back(word);
  }
  const bool asks_for_help = std::any_of(words.begin(), words.end(), [](const std::string& word) {
    return word == "--help" || word == "-h";
  });
  if (asks_for_help) return words;
  CheckFlags(*command, path, words, checked.size(), checked);
  return checked;
}

}  // namespace meap
