#include <fmt/format.h>

#include <cstdio>
#include <limits>
#include <memory>

#include "commands.h"
#include "config/recipe.h"
#include "core/strings.h"

namespace meap {
namespace {

std::string RangeOf(const OptionInfo& info) {
  if (!info.choices.empty()) return Join(info.choices, ", ");
  const bool lower = info.min > -std::numeric_limits<double>::infinity();
  const bool upper = info.max < std::numeric_limits<double>::infinity();
  if (lower && upper)
    return fmt::format("{} to {}{}", info.min, info.below_max ? "below " : "", info.max);
  return lower ? fmt::format("from {}", info.min) : "";
}

void PrintOptions(RecipeTask task) {
  Recipe recipe(task);
  OptionLister lister;
  recipe.Describe(lister);
  std::printf("| key | type | default | values | unit | meaning |\n|---|---|---|---|---|---|\n");
  for (const OptionText& option : lister.options()) {
    std::printf("| `%s` | %s | `%s` | %s | %s | %s |\n", option.name.c_str(), option.type.c_str(),
                option.value.c_str(), RangeOf(option.info).c_str(), option.info.unit.c_str(),
                option.info.help.c_str());
  }
}

}  // namespace

void AddOptionsCommand(CLI::App& root) {
  auto task = std::make_shared<RecipeTask>(RecipeTask::kPretrain);
  CLI::App* command = root.add_subcommand(
      "options", "List every recipe key: type, default, values, meaning (Markdown)");
  command->add_option("--task", *task, "Recipes of this command: pretrain (default) or finetune")
      ->transform(CLI::CheckedTransformer(kTaskNames, CLI::ignore_case).description(""))
      ->type_name("pretrain|finetune");
  auto flags = std::make_shared<CommonFlags>();
  AddCommonFlags(*command, *flags, Computes::kNothing);
  command->callback([task, flags] {
    ApplyCommonFlags(*flags);
    PrintOptions(*task);
  });
}

}  // namespace meap
