#include "train/finetune.h"

#include "train_command.h"

namespace meap {

void AddFinetuneCommand(CLI::App& root, ExitCode& exit_code) {
  AddTrainCommand(
      root,
      {.name = "finetune",
       .help = "Fine-tune a Hugging Face model on instruction data by a recipe",
       .footer =
           "Examples:\n"
           "  meap finetune recipes/finetune-small.yaml model.path=MODEL data.train=FILE.jsonl\n"
           "  meap finetune recipes/finetune-small.yaml objective.name=ntp output=runs/ntp\n"
           "  meap finetune recipes/finetune-small.yaml lora.rank=16 lora.export=adapter\n"
           "  meap finetune recipes/finetune-small.yaml --resume\n"
           "Data: Alpaca (instruction, input, output), messages (OpenAI, ShareGPT) or prompt and\n"
           "completion; .json, .jsonl, .parquet, also .gz and .zst. The output folder gets\n"
           "metrics.jsonl, tensorboard/, checkpoints/, recipe.yaml (all keys resolved) and hf/, a\n"
           "Hugging Face model or a PEFT adapter. `meap options --task finetune` lists every key,\n"
           "`meap inspect RECIPE.yaml` shows a batch.",
       .task = RecipeTask::kFinetune,
       .train = Finetune},
      exit_code);
}

}  // namespace meap
