#include "train/run.h"

#include <fmt/format.h>

#include "core/files.h"
#include "core/parallel.h"
#include "core/signals.h"
#include "core/strings.h"
#include "model/device.h"
#include "train/run_log.h"
#include "train/run_start.h"
#include "train/schedule.h"

namespace meap {
namespace {

void Announce(const Recipe& recipe, const TrainTask& task) {
  const RunSizes sizes = task.sizes();
  const at::Tensor& head = task.model().head();
  for (const auto& [name, meaning] : task.Describe()) Note(fmt::format("{:<10} {}", name, meaning));
  Note(fmt::format("run        {} steps of {} x {} tokens ({} a pass), {} on {}, {} warm-up steps",
                   sizes.steps, sizes.batch_rows, sizes.sequence_length, sizes.micro_rows,
                   DtypeName(head.scalar_type()), head.device().str(),
                   WarmupSteps(recipe.schedule, sizes.steps)));
}

class Run {
 public:
  Run(const Recipe& recipe, const TrainTask& task)
      : recipe_(recipe),
        task_(task),
        steps_(task.sizes().steps),
        optimizer_(task.trained(), task.masters(), recipe.optimizer) {}

  RunOutcome Go(const std::optional<LoadedState>& from);

 private:
  void Restore(const LoadedState& from);
  bool AfterStep(const StepReport& report);
  void Save(int64_t step);
  nlohmann::ordered_json Summary() const;

  const Recipe& recipe_;
  const TrainTask& task_;
  int64_t steps_;
  Optimizer optimizer_;
  std::optional<RunLog> log_;
  std::optional<CheckpointWriter> checkpoints_;
  int64_t step_ = 0;
  int64_t tokens_ = 0;
  double train_seconds_ = 0;
};

RunOutcome Run::Go(const std::optional<LoadedState>& from) {
  const fs::path output = recipe_.output;
  MakeOutputDirectory(output, "output");
  WriteFileAtomically(output / "recipe.yaml", recipe_.Dump());
  log_.emplace(output, recipe_.objective.name, steps_, task_.loss_parts(),
               from ? std::optional<int64_t>(from->step) : std::nullopt);
  if (from) Restore(*from);
  checkpoints_.emplace(output / "checkpoints", Retention{.keep_last = recipe_.checkpoint.keep});
  RunOutcome outcome;
  if (step_ < steps_) {
    Announce(recipe_, task_);
    const SignalGuard signals;
    TrainLoop(recipe_, task_, optimizer_, step_ + 1,
              {.after_step = [this](const StepReport& report) { return AfterStep(report); }});
    log_->Finish();
    if (step_ < steps_) outcome.exit_code = SignalGuard::Requested().value_or(ExitCode::kDone);
  }
  if (step_ >= steps_ && !(from && fs::exists(output / "hf"))) {
    task_.Export(output / "hf", optimizer_.masters());
  }
  outcome.summary = Summary();
  return outcome;
}

void Run::Restore(const LoadedState& from) {
  optimizer_.Restore(from);
  step_ = from.step;
  tokens_ = from.state.at("tokens").get<int64_t>();
  const auto loss = [&](const char* name) -> std::optional<double> {
    const auto& value = from.state.at(name);
    return value.is_null() ? std::nullopt : std::optional<double>(value.get<double>());
  };
  log_->RestoreLosses(loss("train_loss"), loss("validation_loss"));
  Note(step_ >= steps_ ? fmt::format("the run is finished: {} steps done", step_)
                       : fmt::format("going on after step {} ({})", step_, from.folder.string()));
}

bool Run::AfterStep(const StepReport& report) {
  step_ = report.step;
  tokens_ += report.loss.all.tokens;
  train_seconds_ += report.seconds;
  log_->Step(report, tokens_);
  const bool last = step_ == steps_;
  if (task_.CanValidate() && (step_ % ValidateEvery(recipe_, steps_) == 0 || last)) {
    log_->Validation(step_, task_.Validate());
  }
  const bool stop = SignalGuard::Requested().has_value();
  const int64_t save_every =
      recipe_.checkpoint.every > 0 ? recipe_.checkpoint.every : (steps_ + 9) / 10;
  if (step_ % save_every == 0 || last || stop) Save(step_);
  return !stop;
}

void Run::Save(int64_t step) {
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

nlohmann::ordered_json Run::Summary() const {
  nlohmann::ordered_json summary = task_.SummaryHead();
  summary["steps"] = step_;
  summary["tokens"] = tokens_;
  if (log_->train_loss()) summary["loss"] = *log_->train_loss();
  if (log_->validation_loss()) summary["validation_loss"] = *log_->validation_loss();
  summary["train_seconds"] = train_seconds_;
  summary["output"] = recipe_.output;
  if (step_ >= steps_) summary["model"] = (fs::path(recipe_.output) / "hf").string();
  return summary;
}

}  // namespace

int64_t ValidateEvery(const Recipe& recipe, int64_t steps) {
  return recipe.validation.every > 0 ? recipe.validation.every : (steps + 19) / 20;
}

RunOutcome RunTraining(const Recipe& recipe, bool resume, const TaskFactory& make_task) {
  const int threads =
      recipe.train.threads > 0 ? static_cast<int>(recipe.train.threads) : DefaultThreads();
  SetComputeThreads(threads);
  const at::Device device = ParseDevice(recipe.train.device, "train.device");
  const at::ScalarType dtype = ParseDtype(recipe.train.precision, device, "train.precision");
  const std::optional<LoadedState> from = FindStart(recipe, resume);
  const std::unique_ptr<TrainTask> task = make_task(threads);
  task->MakeModel(device, dtype);
  return Run(recipe, *task).Go(from);
}

}  // namespace meap
