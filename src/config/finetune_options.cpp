// The options that fine-tuning alone has.
#include "config/recipe.h"

namespace meap {

void LayoutOptions::Describe(OptionVisitor& v) {
  v.Visit(
      "objective.layout", layout,
      {.help = "concat: a sample and its masked copy as one sequence (the paper); separate: two "
               "rows (the authors' code); isolated: side by side, neither sees the other",
       .choices = {"concat", "separate", "isolated"}});
  v.Visit("objective.mask_span", mask_span,
          {.help = "what is masked: any token of the copy but special ones, or the last answer "
                   "alone; unless given, sample, and answer with layout separate",
           .choices = {"sample", "answer"}});
  v.Visit("objective.positions", positions,
          {.help = "of the copy in layout concat: running on, or restarting as the original's",
           .choices = {"run_on", "restart"}});
  v.Visit("objective.masks", masks,
          {.help = "fresh: drawn anew each epoch; static: those of the first",
           .choices = {"fresh", "static"}});
  v.Visit("objective.min_answer_tokens", min_answer_tokens,
          {.help = "only samples whose (last) answer is longer are duplicated",
           .unit = "tokens",
           .min = 0});
}

void LoraOptions::Describe(OptionVisitor& v) {
  v.Visit("lora.rank", rank, {.help = "rank of the adapters; 0 = full fine-tuning", .min = 0});
  v.Visit("lora.alpha", alpha,
          {.help = "the adapters' product is scaled by alpha / rank", .min = 0});
  v.Visit("lora.dropout", dropout,
          {.help = "share of the adapters' inputs that is zeroed in training",
           .min = 0,
           .max = 1,
           .below_max = true});
  v.Visit("lora.target_modules", target_modules, {.help = "projections that get an adapter"});
  v.Visit("lora.rslora", rslora, {.help = "scale by alpha / sqrt(rank) instead (rsLoRA)"});
  v.Visit("lora.export", export_as,
          {.help = "what hf/ holds: the model with the adapters merged in, or a PEFT adapter",
           .choices = {"merged", "adapter"}});
}

}  // namespace meap
