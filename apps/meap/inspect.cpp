#include "train/inspect.h"

#include <memory>
#include <optional>

#include "commands.h"
#include "core/console.h"
#include "flag_checks.h"
#include "json_lines.h"
#include "train/finetune_inputs.h"
#include "train/run_inputs.h"
#include "train_command.h"

namespace meap {
namespace {

struct InspectArguments {
  std::string recipe;
  std::vector<std::string> overrides;
  std::optional<RecipeTask> task;  // found out where it is not given
  int64_t step = 1;
  bool json = false;
  CommonFlags flags;
};

/// A recipe of keys that both tasks have is told by its data: conversations are for fine-tuning.
RecipeTask TaskOf(const InspectArguments& arguments) {
  if (arguments.task) return *arguments.task;
  if (const auto task = TaskByKeys(arguments.recipe, arguments.overrides)) return *task;
  const Recipe recipe = LoadRecipe(arguments.recipe, arguments.overrides);
  const std::vector<fs::path> files = ExpandGlob(recipe.data.train.front());
  const bool holds = !files.empty() && HoldsConversations(files.front());
  return holds ? RecipeTask::kFinetune : RecipeTask::kPretrain;
}

/// The rows of a step and the tokenizer that names their tokens.
struct InspectedRows {
  TrainingRows rows;
  std::shared_ptr<Tokenizer> tokenizer;
};

InspectedRows PretrainRows(const Recipe& recipe, int64_t step, int threads) {
  const RunInputs inputs = OpenRunInputs(recipe, threads);
  const Batch batch = inputs.TrainReader(recipe).Step(static_cast<uint64_t>(step - 1));
  return {MakeRows(inputs.objective, batch, step), inputs.tokenizer};
}

InspectedRows FinetuneRows(const Recipe& recipe, int64_t step) {
  const FinetuneInputs inputs = OpenFinetuneInputs(recipe);
  return {inputs.train->Rows(step), inputs.tokenizer};
}

void Inspect(const InspectArguments& arguments) {
  const int threads = ApplyCommonFlags(arguments.flags);
  const RecipeTask task = TaskOf(arguments);
  const Recipe recipe = LoadRecipe(arguments.recipe, arguments.overrides, task);
  const InspectedRows shown = task == RecipeTask::kFinetune
                                  ? FinetuneRows(recipe, arguments.step)
                                  : PretrainRows(recipe, arguments.step, threads);
  if (arguments.json) {
    const LabelPlace place =
        task == RecipeTask::kFinetune ? LabelPlace::kNamed : LabelPlace::kPredictedFrom;
    WriteToStdout(RowsToJson(shown.rows, place).dump() + "\n");
  } else {
    WriteToStdout(RowsToText(shown.rows, *shown.tokenizer, StdoutTakesColor()));
  }
}

}  // namespace

void AddInspectCommand(CLI::App& root) {
  auto arguments = std::make_shared<InspectArguments>();
  CLI::App* command =
      root.add_subcommand("inspect", "Show the batch of a step: inputs, masks, labels");
  command->add_option("recipe", arguments->recipe, "Recipe file (YAML)")->required();
  command->add_option("overrides", arguments->overrides, "key=value, over the recipe");
  command->add_option("--step", arguments->step, "Optimizer step, from 1")
      ->check(AtLeast(1))
      ->capture_default_str();
  command
      ->add_option("--task", arguments->task,
                   "pretrain or finetune; else told by the recipe's keys and data")
      ->transform(CLI::CheckedTransformer(kTaskNames, CLI::ignore_case).description(""))
      ->type_name("pretrain|finetune");
  command->add_flag(
      "--json", arguments->json,
      "One JSON object: input_ids, labels, position_ids, segment_ids, sample_ids, each\n"
      "rows x T, labels -100 where there is no loss. Pre-training: labels[r][t] is what\n"
      "position t predicts, the token at t + 1. Fine-tuning: labels[r][t] stands at the token\n"
      "that it names, predicted from t - 1. Attention stays among equal segment_ids of a row;\n"
      "padding has segment and sample -1");
  AddRecipeFlags(*command, arguments->flags);
  command->footer(
      "Examples:\n"
      "  meap inspect recipes/corpus-small.yaml | less -R\n"
      "  meap inspect recipes/corpus-small.yaml objective.mask_ratio=0.3 --step 10 --json\n"
      "  meap inspect recipes/finetune-small.yaml objective.layout=isolated | less -R");
  command->callback([arguments, command] {
    arguments->overrides = WithFlags(arguments->overrides, *command, arguments->flags);
    Inspect(*arguments);
  });
}

}  // namespace meap
