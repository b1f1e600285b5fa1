#include "train_command.h"

#include <cstdio>
#include <memory>
#include <vector>

namespace meap {
namespace {

struct TrainArguments {
  std::string recipe;
  std::vector<std::string> overrides;
  StartOptions start;
  CommonFlags flags;
};

/// The flags say in another place what recipe keys say: they become overrides.
std::vector<std::string> WithFlags(const TrainArguments& arguments, const CLI::App& command) {
  std::vector<std::string> words = arguments.overrides;
  const auto add = [&](const char* flag, const std::string& word) {
    if (command.count(flag) > 0) words.push_back(word);
  };
  add("--device", "train.device=" + arguments.flags.device);
  add("--dtype", "train.precision=" + arguments.flags.dtype);
  add("--threads", "train.threads=" + std::to_string(arguments.flags.threads));
  add("--seed", "train.seed=" + std::to_string(arguments.flags.seed));
  return words;
}

}  // namespace

void AddTrainCommand(CLI::App& root, const TrainCommand& how, ExitCode& exit_code) {
  auto arguments = std::make_shared<TrainArguments>();
  CLI::App* command = root.add_subcommand(how.name, how.help);
  command->add_option("recipe", arguments->recipe, "Recipe file (YAML)")->required();
  command->add_option("overrides", arguments->overrides, "key=value, over the recipe");
  CLI::Option* resume = command->add_flag("--resume", arguments->start.resume,
                                          "Go on from the newest good checkpoint of the output");
  command
      ->add_flag("--allow-changes", arguments->start.allow_changes,
                 "Resume with a recipe that changes what is computed")
      ->needs(resume);
  AddCommonFlags(*command, arguments->flags, true);
  command->footer(how.footer);
  command->callback([arguments, command, how, &exit_code] {
    ApplyCommonFlags(arguments->flags);
    const Recipe recipe = LoadRecipe(arguments->recipe, WithFlags(*arguments, *command), how.task);
    const RunOutcome outcome = how.train(recipe, arguments->start);
    std::printf("%s\n", outcome.summary.dump(2).c_str());
    exit_code = outcome.exit_code;
  });
}

}  // namespace meap
