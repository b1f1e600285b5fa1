#include "config/recipe.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "core/error.h"

namespace meap {

void ModelOptions::Describe(OptionVisitor& v, RecipeTask task) {
  v.Visit("model.path", path, {.help = "Hugging Face folder to start from (config and weights)"});
  if (task == RecipeTask::kFinetune) return;
  v.Visit("model.preset", preset,
          {.help = "sizes by name: meap-0.1b, meap-0.3b, meap-0.5b, meap-1.1b, small, tiny"});
  v.Visit("model.hidden_size", hidden_size, {.help = "width; 0 = from the preset", .min = 0});
  v.Visit("model.intermediate_size", intermediate_size,
          {.help = "width of the SwiGLU layer; 0 = from the preset", .min = 0});
  v.Visit("model.num_hidden_layers", num_hidden_layers,
          {.help = "decoder blocks; 0 = from the preset", .min = 0});
  v.Visit("model.num_attention_heads", num_attention_heads,
          {.help = "query heads; 0 = from the preset", .min = 0});
  v.Visit("model.num_key_value_heads", num_key_value_heads,
          {.help = "key/value heads; 0 = from the preset, or as many as query heads", .min = 0});
  v.Visit("model.head_dim", head_dim,
          {.help = "width of a head; 0 = hidden_size / num_attention_heads", .min = 0});
  v.Visit("model.vocab_size", vocab_size,
          {.help = "embedding rows; 0 = what the tokenizer needs", .min = 0});
  v.Visit("model.max_position_embeddings", max_position_embeddings,
          {.help = "longest context written to config.json; 0 = data.sequence_length", .min = 0});
  v.Visit("model.rms_norm_eps", rms_norm_eps, {.help = "epsilon of RMSNorm", .min = 0, .max = 1});
  v.Visit("model.rope_theta", rope_theta, {.help = "base of the rotary embedding", .min = 1});
  v.Visit("model.tie_word_embeddings", tie_word_embeddings,
          {.help = "use the input embedding as output head"});
  v.Visit("model.initializer_range", initializer_range,
          {.help = "standard deviation of fresh weights", .min = 0, .max = 10});
}

void DataOptions::Describe(OptionVisitor& v, RecipeTask task) {
  const bool finetune = task == RecipeTask::kFinetune;
  v.Visit("data.train", train,
          {.help = finetune ? "instruction files, globs or folders: Alpaca, messages, ShareGPT or "
                              "prompt/completion; .json, .jsonl (.gz, .zst), .parquet"
                            : "files, globs, or folders of `meap data prepare`"});
  v.Visit("data.validation", validation, {.help = "the same for validation; empty = none"});
  v.Visit("data.sequence_length", sequence_length,
          {.help = finetune ? "T: tokens of a packed row; a sample and its copy must fit"
                            : "T: inputs in a window; a window is T+1 tokens, stride T",
           .unit = "tokens",
           .min = finetune ? 2.0 : 1.0,
           .max = 1 << 24});
  if (finetune) {
    v.Visit("data.too_long", too_long,
            {.help = "a sample longer than T: drop it, or truncate its answer's tail; counted",
             .choices = {"drop", "truncate"}});
    v.Visit("data.packing", packing,
            {.help = "true: samples packed into full rows; false: one a row, rows of about one "
                     "length a step"});
    return;
  }
  v.Visit("data.weights", weights,
          {.help = "shares of the training rows, one for each entry of data.train; empty = the "
                   "entries are one stream",
           .min = 0});
  v.Visit("data.isolate_documents", isolate_documents,
          {.help = "attention stays inside each document, positions restart with it"});
  v.Visit("data.text_field", text_field, {.help = "field of a JSON line that holds the text"});
  v.Visit("data.cache", cache, {.help = "folder for raw files once tokenised"});
}

void MaskOptions::Describe(OptionVisitor& v) {
  v.Visit("objective.mask.policy", policy,
          {.help = "default: the keys below; reference: the position lists of the authors' code, "
                   "the same 51 over and over",
           .choices = {"default", "reference"}});
  v.Visit("objective.mask.count", count,
          {.help = "fixed: exactly floor(P*T) masks; bernoulli: as many as T coins of odds P give",
           .choices = {"fixed", "bernoulli"}});
  v.Visit("objective.mask.scope", scope,
          {.help = "row: each sequence has its own draw; step: one list for all rows of a step",
           .choices = {"row", "step"}});
  v.Visit("objective.mask.unit", unit,
          {.help = "what is masked as a whole; the last word or span is cut to the count",
           .choices = {"token", "word", "span"}});
  v.Visit("objective.mask.span_mean", span_mean,
          {.help = "mean length of a span (unit span), geometric", .unit = "tokens", .min = 1});
  v.Visit("objective.mask.replace_mask", replace_mask,
          {.help = "share of the chosen inputs replaced by [MASK]; the three shares sum to 1",
           .min = 0,
           .max = 1});
  v.Visit("objective.mask.replace_random", replace_random,
          {.help = "share replaced by a random token that is not special", .min = 0, .max = 1});
  v.Visit("objective.mask.replace_keep", replace_keep,
          {.help = "share left as it is", .min = 0, .max = 1});
  v.Visit("objective.mask.protect_special", protect_special,
          {.help = "never mask special tokens (begin and end of text, ...)"});
  v.Visit("objective.mask.schedule", schedule,
          {.help = "course of the ratio from objective.mask_ratio to objective.mask.ratio_end",
           .choices = {"constant", "linear", "cosine"}});
  v.Visit("objective.mask.ratio_end", ratio_end,
          {.help = "ratio at the last step (schedules linear and cosine)",
           .min = 0,
           .max = 1,
           .below_max = true});
}

void ObjectiveOptions::Describe(OptionVisitor& v, RecipeTask task) {
  const bool finetune = task == RecipeTask::kFinetune;
  v.Visit("objective.name", name,
          {.help = finetune ? "ntp: plain fine-tuning; meap: long answers with a masked copy"
                            : "ntp: next-token prediction; meap: the same with masked inputs",
           .choices = {"ntp", "meap"}});
  v.Visit("objective.mask_ratio", mask_ratio,
          {.help = finetune ? "P: share of the copy's maskable tokens replaced by [MASK], rounded "
                              "down, at least one"
                            : "P: share of the inputs replaced by [MASK], exactly floor(P*T) a "
                              "sequence",
           .min = 0,
           .max = 1,
           .below_max = true});
  if (finetune) {
    layout.Describe(v);
  } else {
    mask.Describe(v);
  }
}

void OptimizerOptions::Describe(OptionVisitor& v) {
  v.Visit("optimizer.lr", lr, {.help = "peak learning rate", .min = 0, .max = 100});
  v.Visit("optimizer.betas", betas,
          {.help = "AdamW's two decay rates", .min = 0, .max = 1, .below_max = true});
  v.Visit("optimizer.eps", eps, {.help = "AdamW's epsilon", .min = 0, .max = 1});
  v.Visit("optimizer.weight_decay", weight_decay,
          {.help = "decoupled weight decay, on matrices only", .min = 0, .max = 10});
  v.Visit("optimizer.grad_clip", grad_clip,
          {.help = "largest norm of the whole gradient; 0 = no clipping", .min = 0});
}

void ScheduleOptions::Describe(OptionVisitor& v) {
  v.Visit("schedule.name", name,
          {.help = "course of the learning rate after warm-up",
           .choices = {"cosine", "linear", "constant", "wsd"}});
  v.Visit("schedule.warmup", warmup,
          {.help = "linear warm-up: a share of all steps if below 1, else steps", .min = 0});
  v.Visit("schedule.decay", decay,
          {.help = "share of the steps in which wsd falls linearly to the minimum, at the end",
           .min = 0,
           .max = 1});
  v.Visit("schedule.min_lr", min_lr, {.help = "learning rate at the last step", .min = 0});
}

void TrainOptions::Describe(OptionVisitor& v) {
  v.Visit("train.steps", steps,
          {.help = "optimizer steps; wins over train.epochs; 0 = by train.epochs",
           .unit = "steps",
           .min = 0});
  v.Visit("train.epochs", epochs,
          {.help = "passes over the data", .unit = "epochs", .min = 1e-6, .max = 1e6});
  v.Visit("train.batch_tokens", batch_tokens,
          {.help = "tokens in an optimizer step; rounded down to whole sequences",
           .unit = "tokens",
           .min = 1});
  v.Visit("train.micro_batch", micro_batch,
          {.help = "sequences in one forward pass; 0 = chosen, at most a step's worth",
           .unit = "sequences",
           .min = 0});
  v.Visit("train.precision", precision,
          {.help = "arithmetic; bf16 keeps f32 master weights; auto = f32 on CPU, bf16 on GPU",
           .choices = {"auto", "f32", "bf16"}});
  v.Visit(
      "train.recompute", recompute,
      {.help = "activations made again in the backward pass, for less memory: none, those "
               "inside the SwiGLU layers (mlp), or all inside a block; the results are the same",
       .choices = {"none", "mlp", "block"}});
  v.Visit("train.seed", seed, {.help = "seed of weights, data order and masks", .min = 0});
  v.Visit("train.device", device, {.help = "auto, cpu, cuda or cuda:N"});
  v.Visit("train.threads", threads,
          {.help = "CPU threads; 0 = OMP_NUM_THREADS, else all cores", .min = 0, .max = 1024});
}

void ValidationOptions::Describe(OptionVisitor& v) {
  v.Visit("validation.every", every,
          {.help = "steps between validations; 0 = chosen so that it costs a few per cent",
           .unit = "steps",
           .min = 0});
  v.Visit(
      "validation.tokens", tokens,
      {.help = "tokens of unmasked text in a validation; 0 = chosen", .unit = "tokens", .min = 0});
}

void CheckpointOptions::Describe(OptionVisitor& v) {
  v.Visit("checkpoint.every", every,
          {.help = "steps between checkpoints; 0 = chosen (a tenth of the run, at least 50 and at "
                   "most 500, and whenever the last one is half an hour old)",
           .unit = "steps",
           .min = 0});
  v.Visit("checkpoint.keep", keep, {.help = "newest checkpoints kept", .min = 1});
  v.Visit("checkpoint.keep_every", keep_every,
          {.help = "checkpoints whose step it divides are kept for good; 0 = none",
           .unit = "steps",
           .min = 0});
  v.Visit("checkpoint.keep_best", keep_best,
          {.help = "save at every best validation loss so far, and keep the best"});
  v.Visit("checkpoint.background", background,
          {.help = "write from a copy while training goes on; needs memory for the copy"});
}

void GuardOptions::Describe(OptionVisitor& v) {
  v.Visit("guard.on_nonfinite", on_nonfinite,
          {.help = "at a loss or gradient that is not finite: stop; skip the update; or rollback "
                   "the weights to the last checkpoint and go on with the next data",
           .choices = {"stop", "skip", "rollback"}});
  v.Visit("guard.on_spike", on_spike,
          {.help = "the same for a loss far above those before it; warn says so and goes on",
           .choices = {"off", "warn", "stop", "skip", "rollback"}});
  v.Visit("guard.spike_score", spike_score,
          {.help = "what a spike is: so many robust standard deviations (1.4826 MAD) above the "
                   "median of the window",
           .min = 1});
  v.Visit("guard.spike_window", spike_window,
          {.help = "good steps that a loss is held against; there is no judging before it is full",
           .unit = "steps",
           .min = 4,
           .max = 100000});
  v.Visit("guard.limit", limit,
          {.help = "stop after so many skipped or rolled back steps in a row",
           .unit = "steps",
           .min = 1});
  v.Visit("guard.memory", memory, {.help = "refuse a run that by the forecast cannot fit"});
}

Recipe::Recipe(RecipeTask of) : task(of), output("runs/pretrain") {
  if (task == RecipeTask::kPretrain) return;
  output = "runs/finetune";
  objective.mask_ratio = 0.1;
  optimizer.lr = 2e-5;
  optimizer.weight_decay = 0;
  schedule.warmup = 0.03;
  train.batch_tokens = 16384;
}

void Recipe::Describe(OptionVisitor& v) {
  model.Describe(v, task);
  v.Visit("tokenizer", tokenizer,
          {.help = "tokenizer folder; with model.path that folder unless given"});
  if (task == RecipeTask::kFinetune) {
    v.Visit("template", chat_template,
            {.help = "chat template: model (its own; alpaca where it has none), llama2, llama3, "
                     "chatml, mistral, alpaca, plain"});
  }
  data.Describe(v, task);
  objective.Describe(v, task);
  optimizer.Describe(v);
  schedule.Describe(v);
  train.Describe(v);
  if (task == RecipeTask::kFinetune) lora.Describe(v);
  validation.Describe(v);
  checkpoint.Describe(v);
  guard.Describe(v);
  v.Visit("output", output, {.help = "run folder"});
}

std::string Recipe::Dump() const {
  OptionLister lister;
  Recipe listed = *this;  // a visitor may change what it sees; this one does not
  listed.Describe(lister);
  return DumpYaml(lister.options());
}

namespace {

[[noreturn]] void Missing(const std::string& key, const std::string& recipe,
                          const std::string& hint) {
  throw InputError({.what = "the recipe lacks " + key, .where = recipe, .hint = hint});
}

void CheckWeights(const DataOptions& data, const OptionSource& source) {
  if (data.weights.empty() || data.weights.size() == data.train.size()) return;
  throw InputError({.what = "data.weights does not fit data.train",
                    .where = source.Place("data.weights"),
                    .expected = fmt::format("one weight for each of the {} entries of data.train",
                                            data.train.size()),
                    .got = fmt::format("{} weights", data.weights.size())});
}

/// Mask options that say nothing together.
void CheckMask(const MaskOptions& mask, const OptionSource& source) {
  const double sum = mask.replace_mask + mask.replace_random + mask.replace_keep;
  if (std::abs(sum - 1) > 1e-9) {
    throw InputError(
        {.what = "the replacement shares do not sum to 1",
         .where = source.Place("objective.mask.replace_mask"),
         .expected = "objective.mask.replace_mask + replace_random + replace_keep = 1",
         .got = fmt::format("{} + {} + {} = {}", mask.replace_mask, mask.replace_random,
                            mask.replace_keep, sum),
         .hint = "for example replace_mask 0.8, replace_random 0.1, replace_keep 0.1"});
  }
  MaskOptions reference;
  reference.policy = "reference";
  if (mask.policy == "reference" && !(mask == reference)) {
    throw InputError({.what = "objective.mask.policy reference goes with no other mask option",
                      .where = source.Place("objective.mask.policy"),
                      .hint = "leave the other objective.mask keys out; objective.mask_ratio may "
                              "be set"});
  }
  if (mask.scope == "step" && (mask.unit == "word" || mask.protect_special)) {
    throw InputError({.what = "one list for all rows cannot depend on a row's tokens",
                      .where = source.Place("objective.mask.scope"),
                      .expected = "objective.mask.scope row with unit word or protect_special",
                      .got = "objective.mask.scope step"});
  }
  if (mask.schedule == "constant" && mask.ratio_end != 0) {
    throw InputError({.what = "objective.mask.ratio_end is set, but the ratio is constant",
                      .where = source.Place("objective.mask.ratio_end"),
                      .hint = "set objective.mask.schedule to linear or cosine"});
  }
}

void CheckFinetune(Recipe& recipe, const OptionSource& source) {
  LayoutOptions& layout = recipe.objective.layout;
  if (!source.Has("objective.mask_span") && layout.layout == "separate") {
    layout.mask_span = "answer";
  }
  if (layout.positions == "restart" && layout.layout != "concat") {
    throw InputError({.what = "objective.positions restart is for objective.layout concat",
                      .where = source.Place("objective.positions"),
                      .expected = "run_on: in the other layouts the copy restarts anyway",
                      .got = "restart with layout " + layout.layout});
  }
  if (recipe.lora.rank == 0 && recipe.lora.export_as == "adapter") {
    throw InputError({.what = "there is no adapter to export: lora.rank is 0",
                      .where = source.Place("lora.export"),
                      .hint = "set lora.rank, for example to 16, or lora.export to merged"});
  }
  if (recipe.lora.rank > 0 && recipe.lora.target_modules.empty()) {
    throw InputError({.what = "LoRA without modules trains nothing",
                      .where = source.Place("lora.target_modules"),
                      .hint = "leave the key out for all projections"});
  }
}

void CheckAcrossKeys(Recipe& recipe, const OptionSource& source, const std::string& file) {
  if (recipe.task == RecipeTask::kFinetune && recipe.model.path.empty()) {
    Missing("model.path", file, "model.path: the Hugging Face folder of the model to fine-tune");
  }
  if (recipe.tokenizer.empty()) recipe.tokenizer = recipe.model.path;
  if (recipe.tokenizer.empty())
    Missing("tokenizer", file, "tokenizer: FOLDER with a tokenizer.json");
  if (recipe.data.train.empty())
    Missing("data.train", file, "data.train: a file, glob or prepared folder");
  if (recipe.output.empty()) Missing("output", file, "output: the run folder");
  CheckWeights(recipe.data, source);
  if (recipe.optimizer.betas.size() != 2) {
    throw InputError({.what = "bad value for optimizer.betas",
                      .where = source.Place("optimizer.betas"),
                      .expected = "two numbers, for example [0.9, 0.95]"});
  }
  if (!recipe.model.path.empty() && !recipe.model.preset.empty()) {
    throw InputError({.what = "model.path and model.preset are both given",
                      .where = source.Place("model.preset"),
                      .hint = "keep one of the two"});
  }
  // A minimum left at its default must not exceed a smaller peak: then the paper's tenth of the
  // peak.
  if (!source.Has("schedule.min_lr")) recipe.schedule.min_lr = 0.1 * recipe.optimizer.lr;
  if (recipe.schedule.min_lr > recipe.optimizer.lr) {
    throw InputError({.what = "schedule.min_lr exceeds optimizer.lr",
                      .where = source.Place("schedule.min_lr"),
                      .hint = "lower schedule.min_lr or raise optimizer.lr"});
  }
  if (recipe.checkpoint.keep_best && recipe.data.validation.empty()) {
    throw InputError({.what = "checkpoint.keep_best needs a validation loss",
                      .where = source.Place("checkpoint.keep_best"),
                      .hint = "name data.validation, or leave checkpoint.keep_best out"});
  }
  if (recipe.task == RecipeTask::kFinetune) {
    CheckFinetune(recipe, source);
  } else {
    CheckMask(recipe.objective.mask, source);
  }
  if (recipe.objective.name == "ntp") {  // none of these says anything to it
    recipe.objective.mask_ratio = 0;
    recipe.objective.mask = {};
    recipe.objective.layout = {};
  }
}

OptionSource ReadSource(const std::filesystem::path& path,
                        const std::vector<std::string>& overrides) {
  OptionSource source;
  source.AddFile(path);
  for (const std::string& word : overrides) source.AddOverride(word);
  return source;
}

std::vector<std::string> KeysOf(RecipeTask task) {
  Recipe recipe(task);
  OptionLister lister;
  recipe.Describe(lister);
  std::vector<std::string> keys;
  for (const OptionText& option : lister.options()) keys.push_back(option.name);
  std::sort(keys.begin(), keys.end());
  return keys;
}

bool Holds(const std::vector<std::string>& sorted, const std::string& key) {
  return std::binary_search(sorted.begin(), sorted.end(), key);
}

/// A key that only recipes of the other task have is not unknown.
void CheckTask(const OptionSource& source, RecipeTask task) {
  const bool finetune = task == RecipeTask::kFinetune;
  const std::vector<std::string> own = KeysOf(task);
  const std::vector<std::string> other =
      KeysOf(finetune ? RecipeTask::kPretrain : RecipeTask::kFinetune);
  for (const std::string& key : source.Keys()) {
    if (Holds(own, key) || !Holds(other, key)) continue;
    throw InputError(
        {.what = key + " belongs to " + (finetune ? "pre-training" : "fine-tuning") + " recipes",
         .where = source.Place(key),
         .expected =
             std::string("a key of a ") + (finetune ? "fine-tuning" : "pre-training") + " recipe",
         .hint = std::string("run it with `meap ") + (finetune ? "pretrain" : "finetune") +
                 "`, or leave the key out"});
  }
}

}  // namespace

Recipe LoadRecipe(const std::filesystem::path& path, const std::vector<std::string>& overrides,
                  RecipeTask task) {
  const OptionSource source = ReadSource(path, overrides);
  CheckTask(source, task);
  Recipe recipe(task);
  source.Apply(recipe);
  CheckAcrossKeys(recipe, source, path.string());
  return recipe;
}

namespace {

std::optional<RecipeTask> TaskByKeys(const OptionSource& source) {
  const auto uses_alone = [&](RecipeTask one, RecipeTask other) {
    const std::vector<std::string> keys = KeysOf(one), others = KeysOf(other), used = source.Keys();
    return std::any_of(used.begin(), used.end(), [&](const std::string& key) {
      return Holds(keys, key) && !Holds(others, key);
    });
  };
  if (uses_alone(RecipeTask::kFinetune, RecipeTask::kPretrain)) return RecipeTask::kFinetune;
  if (uses_alone(RecipeTask::kPretrain, RecipeTask::kFinetune)) return RecipeTask::kPretrain;
  return {};
}

}  // namespace

std::optional<RecipeTask> TaskByKeys(const std::filesystem::path& path,
                                     const std::vector<std::string>& overrides) {
  if (const auto task = TaskByKeys(ReadSource(path, {}))) return task;
  return TaskByKeys(ReadSource(path, overrides));
}

}  // namespace meap
