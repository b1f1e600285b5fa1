#include "train/pretrain.h"

#include "train_command.h"

namespace meap {

void AddPretrainCommand(CLI::App& root, ExitCode& exit_code) {
  AddTrainCommand(
      root,
      {.name = "pretrain",
       .help = "Train a model on plain text by a recipe",
       .footer = "Examples:\n"
                 "  meap pretrain recipes/corpus-small.yaml objective.name=meap output=runs/meap\n"
                 "  meap pretrain recipes/corpus-small.yaml objective.name=ntp output=runs/ntp\n"
                 "  meap pretrain recipes/corpus-small.yaml output=runs/meap --resume\n"
                 "  kill -USR1 PID      # saves a checkpoint after the step under way; SIGTERM and "
                 "SIGINT\n"
                 "                      # save one and stop\n"
                 "The output folder gets metrics.jsonl, tensorboard/, checkpoints/, recipe.yaml "
                 "(all keys\n"
                 "resolved) and hf/, which transformers loads. `meap options` lists every key.",
       .task = RecipeTask::kPretrain,
       .train = Pretrain},
      exit_code);
}

}  // namespace meap
