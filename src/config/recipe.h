// The recipe of a run: every key, its default and its meaning.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "config/options.h"
#include "config/yaml_reader.h"

namespace meap {

/// What a recipe is for. The two kinds share most keys; each lists those that it has.
enum class RecipeTask { kPretrain, kFinetune };

/// Which model: a Hugging Face folder, a preset, or sizes by their config.json names (0 = not
/// given).
struct ModelOptions {
  std::string path;
  std::string preset;
  int64_t hidden_size = 0;
  int64_t intermediate_size = 0;
  int64_t num_hidden_layers = 0;
  int64_t num_attention_heads = 0;
  int64_t num_key_value_heads = 0;
  int64_t head_dim = 0;
  int64_t vocab_size = 0;
  int64_t max_position_embeddings = 0;
  double rms_norm_eps = 1e-5;
  double rope_theta = 10000.0;
  bool tie_word_embeddings = false;
  double initializer_range = 0.02;
  void Describe(OptionVisitor& visitor, RecipeTask task);
};

struct DataOptions {
  std::vector<std::string> train;
  std::vector<double> weights;
  std::vector<std::string> validation;
  int64_t sequence_length = 1024;  // T
  bool isolate_documents = false;
  std::string text_field = "text";
  std::string cache = ".cache/meap";
  std::string too_long = "drop";  // this and the next: fine-tuning
  bool packing = true;
  void Describe(OptionVisitor& visitor, RecipeTask task);
};

/// Departures from the paper's masks; the defaults are the paper.
struct MaskOptions {
  std::string policy = "default";
  std::string count = "fixed";
  std::string scope = "row";
  std::string unit = "token";
  double span_mean = 3;
  double replace_mask = 1;
  double replace_random = 0;
  double replace_keep = 0;
  bool protect_special = false;
  std::string schedule = "constant";
  double ratio_end = 0;
  void Describe(OptionVisitor& visitor);
  bool operator==(const MaskOptions&) const = default;
};

/// How fine-tuning lays out a sample and its masked copy (objective/finetune.h).
struct LayoutOptions {
  std::string layout = "concat";
  std::string mask_span = "sample";
  std::string positions = "run_on";
  std::string masks = "fresh";
  int64_t min_answer_tokens = 50;
  void Describe(OptionVisitor& visitor);
};

struct ObjectiveOptions {
  std::string name = "meap";
  double mask_ratio = 0.15;  // P
  MaskOptions mask;          // pre-training
  LayoutOptions layout;      // fine-tuning
  void Describe(OptionVisitor& visitor, RecipeTask task);
};

/// Low-rank adapters in place of full fine-tuning.
struct LoraOptions {
  int64_t rank = 0;  // 0: every weight is trained
  double alpha = 16;
  double dropout = 0;
  std::vector<std::string> target_modules = {"q_proj",    "k_proj",  "v_proj",   "o_proj",
                                             "gate_proj", "up_proj", "down_proj"};
  bool rslora = false;
  std::string export_as = "merged";
  void Describe(OptionVisitor& visitor);
};

struct OptimizerOptions {
  double lr = 4e-4;
  std::vector<double> betas = {0.9, 0.95};
  double eps = 1e-8;
  double weight_decay = 0.05;
  double grad_clip = 1.0;
  void Describe(OptionVisitor& visitor);
};

struct ScheduleOptions {
  std::string name = "cosine";
  double warmup = 0.1;
  double decay = 0.2;  // wsd only
  double min_lr = 4e-5;
  void Describe(OptionVisitor& visitor);
};

struct TrainOptions {
  int64_t steps = 0;
  double epochs = 1;
  int64_t batch_tokens = 1048576;
  int64_t micro_batch = 0;
  std::string precision = "auto";
  std::string recompute = "none";
  int64_t seed = 1234;
  std::string device = "auto";
  int64_t threads = 0;
  void Describe(OptionVisitor& visitor);
};

struct ValidationOptions {
  int64_t every = 0;
  int64_t tokens = 0;
  void Describe(OptionVisitor& visitor);
};

struct CheckpointOptions {
  int64_t every = 0;
  int64_t keep = 2;
  int64_t keep_every = 0;
  bool keep_best = false;
  bool background = true;
  void Describe(OptionVisitor& visitor);
};

/// What to do when training goes wrong, and before it can.
struct GuardOptions {
  std::string on_nonfinite = "stop";
  std::string on_spike = "warn";
  double spike_score = 8;
  int64_t spike_window = 64;
  int64_t limit = 8;
  bool memory = true;
  void Describe(OptionVisitor& visitor);
};

struct Recipe {
  explicit Recipe(RecipeTask task = RecipeTask::kPretrain);  // with the task's defaults

  RecipeTask task;
  ModelOptions model;
  std::string tokenizer;
  std::string chat_template = "model";  // `template`
  DataOptions data;
  ObjectiveOptions objective;
  OptimizerOptions optimizer;
  ScheduleOptions schedule;
  TrainOptions train;
  LoraOptions lora;
  ValidationOptions validation;
  CheckpointOptions checkpoint;
  GuardOptions guard;
  std::string output;

  void Describe(OptionVisitor& visitor);
  /// The whole recipe as YAML with every default written out.
  std::string Dump() const;
};

/// Reads a recipe file and the command line's `key=value` words over it; checks what spans several
/// keys.
Recipe LoadRecipe(const std::filesystem::path& path, const std::vector<std::string>& overrides,
                  RecipeTask task = RecipeTask::kPretrain);

/// The task whose keys alone a recipe uses, its file first; nothing when it keeps to common ones.
std::optional<RecipeTask> TaskByKeys(const std::filesystem::path& path,
                                     const std::vector<std::string>& overrides);

}  // namespace meap
