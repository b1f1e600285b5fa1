#include "train/pretrain.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include "checkpoint/hf_folder.h"
#include "core/files.h"
#include "core/parallel.h"
#include "core/signals.h"
#include "core/strings.h"
#include "model/device.h"
#include "train/run_log.h"
#include "train/schedule.h"

namespace meap {
namespace {

/// When a run validates and saves, and on how much; zeros of the recipe resolved.
struct EventPlan {
  int64_t validate_every = 0;
  int64_t validation_rows = 0;
  int64_t save_every = 0;
};

EventPlan MakePlan(const Recipe& recipe, const RunInputs& inputs) {
  EventPlan plan;
  const int64_t steps = inputs.steps;
  const int64_t length = recipe.data.sequence_length;
  plan.save_every = recipe.checkpoint.every > 0 ? recipe.checkpoint.every : (steps + 9) / 10;
  if (!inputs.validation) return plan;
  plan.validate_every = recipe.validation.every > 0 ? recipe.validation.every : (steps + 19) / 20;
  // A forward pass is a third of a step: 3 % of the run is spent on looking.
  constexpr double kShare = 0.03;
  const double budget = 3 * kShare * static_cast<double>(plan.validate_every * inputs.batch_rows);
  const int64_t wanted = recipe.validation.tokens > 0 ? recipe.validation.tokens / length
                                                      : static_cast<int64_t>(budget);
  const auto available = static_cast<int64_t>((inputs.validation->tokens() - 1) / length);
  plan.validation_rows = std::clamp<int64_t>(wanted, 1, available);
  return plan;
}

LossSums Validate(const Recipe& recipe, const RunInputs& inputs, const Llama& model, int64_t rows) {
  const BatchReader reader = inputs.ValidationReader(recipe);
  LossSums sums;
  for (int64_t begin = 0; begin < rows; begin += inputs.micro_rows) {
    const int64_t count = std::min(inputs.micro_rows, rows - begin);
    // Unmasked text: what the model will meet, and what NTP and MEAP can be compared on.
    const PretrainObjective unmasked;
    const Batch batch = reader.Rows(static_cast<uint64_t>(begin), count);
    sums += ForwardLoss(model, MakeRows(unmasked, batch, /*step=*/1));
  }
  return sums;
}

void Announce(const Recipe& recipe, const RunInputs& inputs, const Llama& model) {
  const LlamaConfig& c = inputs.config;
  Note(fmt::format("objective  {} (mask ratio {})", recipe.objective.name,
                   recipe.objective.mask_ratio));
  Note(fmt::format("model      {} parameters: {} x {}, ffn {}, {} heads, {} KV, vocabulary {}",
                   FormatCount(static_cast<double>(model.ParameterCount())), c.num_hidden_layers,
                   c.hidden_size, c.intermediate_size, c.num_attention_heads, c.num_key_value_heads,
                   c.vocab_size));
  Note(fmt::format(
      "data       {} tokens{}", FormatCount(static_cast<double>(inputs.train->tokens())),
      inputs.validation
          ? ", validation " + FormatCount(static_cast<double>(inputs.validation->tokens()))
          : ""));
  Note(fmt::format("run        {} steps of {} x {} tokens ({} a pass), {} on {}, {} warm-up steps",
                   inputs.steps, inputs.batch_rows, recipe.data.sequence_length, inputs.micro_rows,
                   DtypeName(model.head().scalar_type()), model.head().device().str(),
                   WarmupSteps(recipe.schedule, inputs.steps)));
}

class PretrainRun {
 public:
  PretrainRun(Recipe recipe, RunInputs inputs, at::Device device, at::ScalarType dtype)
      : recipe_(std::move(recipe)),
        inputs_(std::move(inputs)),
        plan_(MakePlan(recipe_, inputs_)),
        model_(inputs_.config, dtype, device),
        optimizer_(MakeOptimizer(dtype)) {}

  RunOutcome Run(const std::optional<LoadedState>& from);

 private:
  void Restore(const LoadedState& from);
  Optimizer MakeOptimizer(at::ScalarType dtype);
  bool AfterStep(const StepReport& report);
  void Save(int64_t step);
  void Export() const;
  nlohmann::ordered_json Summary() const;

  Recipe recipe_;
  RunInputs inputs_;
  EventPlan plan_;
  Llama model_;
  Optimizer optimizer_;
  std::optional<RunLog> log_;
  std::optional<CheckpointWriter> checkpoints_;
  int64_t step_ = 0;
  int64_t tokens_ = 0;
  double train_seconds_ = 0;
};

/// Weights into the model: drawn or loaded in f32, the masters, and from them the model's own.
Optimizer PretrainRun::MakeOptimizer(at::ScalarType dtype) {
  const at::NoGradGuard no_grad;
  Llama wide(inputs_.config, at::kFloat, at::kCPU);
  if (inputs_.stored) {
    wide.Load(recipe_.model.path, *inputs_.stored);
  } else {
    wide.Initialize(static_cast<uint64_t>(recipe_.train.seed));
  }
  std::vector<at::Tensor> masters;
  for (size_t i = 0; i < model_.parameters().size(); ++i) {
    const at::Tensor& parameter = model_.parameters()[i].tensor;
    parameter.copy_(wide.parameters()[i].tensor);
    masters.push_back(dtype == at::kFloat ? parameter.detach()
                                          : wide.parameters()[i].tensor.to(parameter.device()));
  }
  for (const Parameter& parameter : model_.parameters()) parameter.tensor.requires_grad_(true);
  return {model_, std::move(masters), recipe_.optimizer};
}

RunOutcome PretrainRun::Run(const std::optional<LoadedState>& from) {
  const fs::path output = recipe_.output;
  MakeOutputDirectory(output, "output");
  WriteFileAtomically(output / "recipe.yaml", recipe_.Dump());
  log_.emplace(recipe_, inputs_.steps, from ? std::optional<int64_t>(from->step) : std::nullopt);
  if (from) Restore(*from);
  checkpoints_.emplace(output / "checkpoints", Retention{.keep_last = recipe_.checkpoint.keep});
  RunOutcome outcome;
  if (step_ < inputs_.steps) {
    Announce(recipe_, inputs_, model_);
    const SignalGuard signals;
    TrainLoop(recipe_, inputs_, model_, optimizer_, step_ + 1,
              {.after_step = [this](const StepReport& report) { return AfterStep(report); }});
    log_->Finish();
    if (step_ < inputs_.steps)
      outcome.exit_code = SignalGuard::Requested().value_or(ExitCode::kDone);
  }
  if (step_ >= inputs_.steps && !(from && fs::exists(output / "hf"))) Export();
  outcome.summary = Summary();
  return outcome;
}

void PretrainRun::Restore(const LoadedState& from) {
  optimizer_.Restore(from);
  step_ = from.step;
  tokens_ = from.state.at("tokens").get<int64_t>();
  const auto loss = [&](const char* name) -> std::optional<double> {
    const auto& value = from.state.at(name);
    return value.is_null() ? std::nullopt : std::optional<double>(value.get<double>());
  };
  log_->RestoreLosses(loss("train_loss"), loss("validation_loss"));
  Note(step_ >= inputs_.steps
           ? fmt::format("the run is finished: {} steps done", step_)
           : fmt::format("going on after step {} ({})", step_, from.folder.string()));
}

bool PretrainRun::AfterStep(const StepReport& report) {
  step_ = report.step;
  tokens_ += report.loss.tokens;
  train_seconds_ += report.seconds;
  log_->Step(report, tokens_);
  const bool last = step_ == inputs_.steps;
  if (plan_.validate_every > 0 && (step_ % plan_.validate_every == 0 || last)) {
    log_->Validation(step_, Validate(recipe_, inputs_, model_, plan_.validation_rows));
  }
  const bool stop = SignalGuard::Requested().has_value();
  if (step_ % plan_.save_every == 0 || last || stop) Save(step_);
  return !stop;
}

void PretrainRun::Save(int64_t step) {
  const auto loss = [](std::optional<double> value) {
    return value ? nlohmann::json(*value) : nlohmann::json();
  };
  TrainState state{.step = step, .recipe = recipe_.Dump()};
  state.state = {{"tokens", tokens_},
                 {"train_loss", loss(log_->train_loss())},
                 {"validation_loss", loss(log_->validation_loss())}};
  optimizer_.Save(state);
  checkpoints_->Save(state);
}

void PretrainRun::Export() const {
  SaveHfFolder(fs::path(recipe_.output) / "hf", model_.config(),
               model_.HfSources(optimizer_.masters()),
               {.write_tokenizer = [this](const fs::path& to) { inputs_.tokenizer->Save(to); }});
}

nlohmann::ordered_json PretrainRun::Summary() const {
  nlohmann::ordered_json summary = {{"objective", recipe_.objective.name},
                                    {"mask_ratio", recipe_.objective.mask_ratio},
                                    {"steps", step_},
                                    {"tokens", tokens_}};
  if (log_->train_loss()) summary["loss"] = *log_->train_loss();
  if (log_->validation_loss()) summary["validation_loss"] = *log_->validation_loss();
  summary["train_seconds"] = train_seconds_;
  summary["output"] = recipe_.output;
  if (step_ >= inputs_.steps) summary["model"] = (fs::path(recipe_.output) / "hf").string();
  return summary;
}

/// Decides between a fresh start, going on, and nothing to do.
std::optional<LoadedState> FindStart(const Recipe& recipe, bool resume) {
  const fs::path output = recipe.output;
  if (!resume) {
    if (fs::exists(output / "metrics.jsonl")) {
      throw InputError({.what = "the output folder holds a run already",
                        .where = "output = " + recipe.output,
                        .hint = "go on with --resume, name another output, or remove the folder"});
    }
    return std::nullopt;
  }
  return LoadNewestGood(output / "checkpoints");
}

/// Keys that may change on resume without changing what is computed.
bool MayChange(const std::string& line) {
  for (const char* key :
       {"checkpoint.", "validation.", "output", "data.cache", "data.validation"}) {
    if (line.substr(2).starts_with(key)) return true;
  }
  return false;
}

void CheckSameRun(Recipe& recipe, const LoadedState& from) {
  std::vector<std::string> breaking;
  for (const std::string& line : DiffRecipes(from.recipe, recipe.Dump())) {
    if (!MayChange(line)) breaking.push_back(line);
  }
  if (breaking.empty()) return;
  throw InputError({.what = "the recipe differs from that of the run to be resumed",
                    .where = from.folder.string(),
                    .got = "\n    " + Join(breaking, "\n    "),
                    .hint = "resume with the old values, or start a new run in another output"});
}

/// Before any work: an output that could never be written.
void CheckWritable(const fs::path& output) {
  fs::path existing = fs::absolute(output);
  while (!fs::exists(existing) && existing.has_parent_path()) existing = existing.parent_path();
  MakeOutputDirectory(existing, "output");
}

}  // namespace

RunOutcome Pretrain(Recipe recipe, bool resume) {
  CheckWritable(recipe.output);
  const int threads =
      recipe.train.threads > 0 ? static_cast<int>(recipe.train.threads) : DefaultThreads();
  SetComputeThreads(threads);
  const at::Device device = ParseDevice(recipe.train.device, "train.device");
  const at::ScalarType dtype = ParseDtype(recipe.train.precision, device, "train.precision");
  const std::optional<LoadedState> from = FindStart(recipe, resume);
  if (from) CheckSameRun(recipe, *from);
  RunInputs inputs = OpenRunInputs(recipe, threads);
  PretrainRun run(std::move(recipe), std::move(inputs), device, dtype);
  return run.Run(from);
}

}  // namespace meap
