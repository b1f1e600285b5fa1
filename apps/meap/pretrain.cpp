#include "train/pretrain.h"

#include <cstdio>
#include <memory>

#include "commands.h"
#include "config/recipe.h"

namespace meap {
namespace {

struct PretrainArguments {
  std::string recipe;
  std::vector<std::string> overrides;
  StartOptions start;
  CommonFlags flags;
};

/// The flags say in another place what recipe keys say: they become overrides.
std::vector<std::string> WithFlags(const PretrainArguments& arguments, const CLI::App& command) {
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

void AddPretrainCommand(CLI::App& root, ExitCode& exit_code) {
  auto arguments = std::make_shared<PretrainArguments>();
  CLI::App* command = root.add_subcommand("pretrain", "Train a model on plain text by a recipe");
  command->add_option("recipe", arguments->recipe, "Recipe file (YAML)")->required();
  command->add_option("overrides", arguments->overrides, "key=value, over the recipe");
  CLI::Option* resume = command->add_flag("--resume", arguments->start.resume,
                                          "Go on from the newest good checkpoint of the output");
  command
      ->add_flag("--allow-changes", arguments->start.allow_changes,
                 "Resume with a recipe that changes what is computed")
      ->needs(resume);
  AddCommonFlags(*command, arguments->flags, true);
  command->footer(
      "Examples:\n"
      "  meap pretrain recipes/corpus-small.yaml objective.name=meap output=runs/meap\n"
      "  meap pretrain recipes/corpus-small.yaml objective.name=ntp output=runs/ntp\n"
      "  meap pretrain recipes/corpus-small.yaml output=runs/meap --resume\n"
      "  kill -USR1 PID      # saves a checkpoint after the step under way; SIGTERM and SIGINT\n"
      "                      # save one and stop\n"
      "The output folder gets metrics.jsonl, tensorboard/, checkpoints/, recipe.yaml (all keys\n"
      "resolved) and hf/, which transformers loads. `meap options` lists every key.");
  command->callback([arguments, command, &exit_code] {
    ApplyCommonFlags(arguments->flags);
    const RunOutcome outcome =
        Pretrain(LoadRecipe(arguments->recipe, WithFlags(*arguments, *command)), arguments->start);
    std::printf("%s\n", outcome.summary.dump(2).c_str());
    exit_code = outcome.exit_code;
  });
}

}  // namespace meap
