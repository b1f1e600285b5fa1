#include "train/inspect.h"

#include <cstdio>
#include <memory>

#include "commands.h"
#include "core/console.h"
#include "train/run_inputs.h"

namespace meap {
namespace {

struct InspectArguments {
  std::string recipe;
  std::vector<std::string> overrides;
  int64_t step = 1;
  bool json = false;
  CommonFlags flags;
};

void Inspect(const InspectArguments& arguments) {
  const int threads = ApplyCommonFlags(arguments.flags);
  const Recipe recipe = LoadRecipe(arguments.recipe, arguments.overrides);
  const RunInputs inputs = OpenRunInputs(recipe, threads);
  const BatchReader reader = inputs.TrainReader(recipe);
  const Batch batch = reader.Step(static_cast<uint64_t>(arguments.step - 1));
  const TrainingRows rows = MakeRows(inputs.objective, batch, arguments.step);
  if (arguments.json) {
    std::printf("%s\n", RowsToJson(rows).dump().c_str());
  } else {
    std::fputs(RowsToText(rows, *inputs.tokenizer, StdoutTakesColor()).c_str(), stdout);
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
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_flag(
      "--json", arguments->json,
      "One JSON object: input_ids, labels, position_ids, segment_ids, sample_ids, each\n"
      "rows x T; labels[r][t] is what position t predicts, -100 where there is no loss");
  AddCommonFlags(*command, arguments->flags, false);
  command->footer(
      "Examples:\n"
      "  meap inspect recipes/corpus-small.yaml | less -R\n"
      "  meap inspect recipes/corpus-small.yaml objective.mask_ratio=0.3 --step 10 --json");
  command->callback([arguments] { Inspect(*arguments); });
}

}  // namespace meap
