#include "train_command.h"

#include <memory>

#include "json_lines.h"

namespace meap {
namespace {

struct TrainArguments {
  std::string recipe;
  std::vector<std::string> overrides;
  StartOptions start;
  CommonFlags flags;
};

}  // namespace

std::vector<std::string> WithFlags(std::vector<std::string> overrides, const CLI::App& command,
                                   const CommonFlags& flags) {
  const auto add = [&](const char* flag, const std::string& word) {
    if (command.count(flag) > 0) overrides.push_back(word);
  };
  if (flags.dtype == "f16") {
    throw InputError({.what = "there is no training in f16",
                      .where = "--dtype f16",
                      .expected = "f32 or bf16",
                      .hint = "--dtype bf16; f16 is for running finished models only"});
  }
  add("--device", "train.device=" + flags.device);
  add("--dtype", "train.precision=" + flags.dtype);
  add("--threads", "train.threads=" + std::to_string(flags.threads));
  add("--seed", "train.seed=" + std::to_string(flags.seed));
  return overrides;
}

void AddRecipeFlags(CLI::App& command, CommonFlags& flags) {
  AddCommonFlags(command, flags, Computes::kModel);
  command.get_option("--device")->description("As train.device: auto, cpu, cuda or cuda:N");
  command.get_option("--dtype")->description("As train.precision: f32 or bf16");
  command.get_option("--threads")->description("As train.threads: CPU threads");
  command.get_option("--seed")->description("As train.seed");
}

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
  AddRecipeFlags(*command, arguments->flags);
  command->footer(how.footer);
  command->callback([arguments, command, how, &exit_code] {
    ApplyCommonFlags(arguments->flags);
    const Recipe recipe = LoadRecipe(
        arguments->recipe, WithFlags(arguments->overrides, *command, arguments->flags), how.task);
    const RunOutcome outcome = how.train(recipe, arguments->start);
    const auto replace = nlohmann::ordered_json::error_handler_t::replace;
    WriteToStdout(outcome.summary.dump(2, ' ', true, replace) + "\n");
    exit_code = outcome.exit_code;
  });
}

}  // namespace meap
