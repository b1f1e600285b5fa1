#include "train/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "checkpoint/leftovers.h"
#include "core/files.h"
#include "core/machine.h"
#include "core/signals.h"
#include "core/stopwatch.h"
#include "core/strings.h"
#include "model/device.h"
#include "report/metrics.h"
#include "train/exported_run.h"
#include "train/guard.h"
#include "train/host.h"
#include "train/preflight.h"
#include "train/run_log.h"
#include "train/schedule.h"

namespace meap {
namespace {

void Announce(const Recipe& recipe, const TrainTask& task, const Preflight& preflight) {
  const RunSizes sizes = task.sizes();
  const at::Tensor& head = task.model().head();
  for (const auto& [name, meaning] : task.Describe()) Note(fmt::format("{:<10} {}", name, meaning));
  Note(fmt::format("run        {} steps of {} x {} tokens ({} a pass), {} on {}, {} warm-up steps",
                   sizes.steps, sizes.batch_rows, sizes.sequence_length, sizes.FullMicroRows(),
                   DtypeName(head.scalar_type()), head.device().str(),
                   WarmupSteps(recipe.schedule, sizes.steps)));
  Note("forecast   " + Join(PreflightLines(preflight, sizes), "\n           "));
}

bool RollsBack(const GuardOptions& guard) {
  return guard.on_nonfinite == "rollback" || guard.on_spike == "rollback";
}

Retention RetentionOf(const Recipe& recipe, int64_t steps) {
  return {.keep_last = recipe.checkpoint.keep,
          .keep_every = recipe.checkpoint.keep_every,
          .keep_best = recipe.checkpoint.keep_best,
          .keep_newest_of = RollsBack(recipe.guard) ? SaveEvery(recipe, steps) : 0};
}

nlohmann::json OrNull(std::optional<double> value) {
  return value ? nlohmann::json(*value) : nlohmann::json();
}

std::optional<double> IfNumber(const nlohmann::json& value) {
  return value.is_null() ? std::nullopt : std::optional<double>(value.get<double>());
}

/// What a summary says of how far a run came and how well it did.
nlohmann::ordered_json Figures(int64_t step, int64_t tokens, std::optional<double> loss,
                               std::optional<double> validation_loss) {
  nlohmann::ordered_json figures = {{"steps", step}, {"tokens", tokens}};
  if (loss) figures["loss"] = *loss;
  if (validation_loss) figures["validation_loss"] = *validation_loss;
  return figures;
}

/// The summary of a whole run from its last checkpoint alone: its data may be gone.
RunOutcome ReportFinished(const Recipe& recipe, const LoadedState& from) {
  const fs::path output = recipe.output;
  Note(fmt::format("the run is finished: {} steps done", from.step));
  const MetricsWriter cuts_a_torn_line(output / "metrics.jsonl", from.step);
  const nlohmann::json& state = from.state;
  RunOutcome outcome;
  outcome.summary = nlohmann::ordered_json::parse(state.at("summary").get<std::string>());
  outcome.summary.update(Figures(from.step, state.at("tokens").get<int64_t>(),
                                 IfNumber(state.at("train_loss")),
                                 IfNumber(state.at("validation_loss"))));
  outcome.summary["train_seconds"] = state.at("train_seconds");
  outcome.summary["output"] = recipe.output;
  outcome.summary["model"] = (output / "hf").string();
  return outcome;
}

class Run {
 public:
  /// `inputs`: what the task read, as checkpoints keep it.
  Run(const Recipe& recipe, const TrainTask& task, const Preflight& preflight,
      nlohmann::json inputs)
      : recipe_(recipe),
        task_(task),
        preflight_(preflight),
        inputs_(std::move(inputs)),
        host_(DescribeHost(task.model().head().device())),
        steps_(task.sizes().steps),
        optimizer_(task.trained(), task.masters(), recipe.optimizer),
        guard_(recipe.guard),
        memory_(TotalBytes(preflight.memory)) {}

  RunOutcome Go(const std::optional<LoadedState>& from);

 private:
  void Restore(const LoadedState& from);
  void SetAsideExport(const LoadedState& from) const;
  void Train();
  bool Accepts(const StepReport& report, const TrainingRows& rows);
  void RollBack();
  bool AfterStep(const StepReport& report);
  bool ValidateIfDue();
  void SaveIfDue(bool best);
  void Save(bool in_background);
  bool Last() const { return step_ == steps_; }
  bool Whole() const { return step_ >= steps_ && !validation_due_; }
  nlohmann::ordered_json Summary() const;

  const Recipe& recipe_;
  const TrainTask& task_;
  const Preflight& preflight_;
  nlohmann::json inputs_;
  nlohmann::ordered_json host_;
  int64_t steps_;
  Optimizer optimizer_;
  Guard guard_;
  MemoryWatch memory_;  // rows of many lengths leave pieces behind
  std::optional<RunLog> log_;
  std::optional<CheckpointWriter> checkpoints_;
  int64_t step_ = 0;
  int64_t tokens_ = 0;
  double train_seconds_ = 0;
  double save_seconds_ = 0;                // standing still to save, since the last step's line
  bool wants_save_ = false;                // one is due, the last one still being written
  std::optional<double> best_validation_;  // lowest so far
  int64_t validated_step_ = -1;
  bool validation_due_ = false;  // at this step, and not done
  int64_t saved_step_ = 0;       // of the last checkpoint; there is none of step 0
  Stopwatch since_save_;
};

RunOutcome Run::Go(const std::optional<LoadedState>& from) {
  const fs::path output = recipe_.output;
  WriteFileAtomically(output / "recipe.yaml", recipe_.Dump());
  log_.emplace(output, recipe_.objective.name, steps_, task_.loss_parts(),
               StepCost{preflight_.flops_per_token, preflight_.peak_rate},
               from ? std::optional<int64_t>(from->step) : std::nullopt,
               from && from->state.value("validation_due", false));
  if (from) Restore(*from);
  checkpoints_.emplace(output / "checkpoints", RetentionOf(recipe_, steps_));
  RunOutcome outcome;
  if (!Whole()) {
    if (from) SetAsideExport(*from);
    Train();
  }
  if (Whole()) {
    ReleaseFreedMemory();  // merging adapters takes a model more
    task_.Export(output / "hf", optimizer_.masters());
  } else {
    outcome.exit_code = SignalGuard::Requested().value_or(ExitCode::kDone);
  }
  outcome.summary = Summary();
  return outcome;
}

/// hf/ is there when a run is finished: what one that goes on had been finished with gets a name of
/// its own.
void Run::SetAsideExport(const LoadedState& from) const {
  const fs::path output = recipe_.output;
  if (!fs::exists(output / "hf")) return;
  const fs::path aside =
      output / fmt::format("hf-step-{:08}", from.state.value("steps", from.step));
  if (fs::exists(aside)) RemoveFolder(aside);
  fs::rename(output / "hf", aside);
  Note(fmt::format("the model exported before is {} now", aside.string()));
}

void Run::Train() {
  Announce(recipe_, task_, preflight_);
  if (validation_due_) SaveIfDue(ValidateIfDue());
  if (!SignalGuard::Requested()) {
    TrainLoop(recipe_, task_, optimizer_, step_ + 1,
              {.accepts = [this](const StepReport& report,
                                 const TrainingRows& rows) { return Accepts(report, rows); },
               .after_step = [this](const StepReport& report) { return AfterStep(report); }});
  }
  log_->Finish();
  // Stopped in mid-step: what counts is the state after the step before.
  if (saved_step_ != step_) Save(/*in_background=*/false);
  checkpoints_->Wait();
}

void Run::Restore(const LoadedState& from) {
  optimizer_.Restore(from);
  step_ = from.step;
  saved_step_ = from.step;
  const nlohmann::json& state = from.state;
  tokens_ = state.at("tokens").get<int64_t>();
  train_seconds_ = state.at("train_seconds").get<double>();
  best_validation_ = IfNumber(state.at("best_validation_loss"));
  guard_.Restore(state.at("guard"));
  log_->RestoreLosses(IfNumber(state.at("train_loss")), IfNumber(state.at("validation_loss")));
  validation_due_ = task_.CanValidate() && state.value("validation_due", false);
  // Older checkpoints know the threads alone.
  for (const std::string& change :
       HostChanges(state.value("host", nlohmann::json{{"threads", state.at("threads")}}), host_)) {
    Warn(change + ": the last bits of the results may differ from those of a run on one machine");
  }
  Note(step_ >= steps_ ? fmt::format("the run is finished: {} steps done", step_)
                       : fmt::format("going on after step {} ({})", step_, from.folder.string()));
}

void Run::Save(bool in_background) {
  const auto replace = nlohmann::ordered_json::error_handler_t::replace;
  TrainState state{.step = step_, .recipe = recipe_.Dump()};
  state.state = {{"tokens", tokens_},
                 {"train_seconds", train_seconds_},
                 {"train_loss", OrNull(log_->train_loss())},
                 {"validation_loss", OrNull(log_->validation_loss())},
                 {"best_validation_loss", OrNull(best_validation_)},
                 {"guard", guard_.State()},
                 {"steps", steps_},
                 {"summary", task_.SummaryHead().dump(-1, ' ', true,
                                                      replace)},  // as text, which keeps the order
                 {"inputs", inputs_},
                 {"validation_due", validation_due_},
                 {"threads", host_["threads"]},
                 {"host", host_}};
  if (validated_step_ == step_) state.metric = log_->validation_loss();
  optimizer_.Save(state);
  log_->Sync();  // a checkpoint on disk stands on the lines before it
  saved_step_ = step_;
  since_save_.Lap();
  if (in_background) {
    checkpoints_->SaveInBackground(std::move(state));
  } else {
    checkpoints_->Save(state);
  }
}

bool Run::Accepts(const StepReport& report, const TrainingRows& rows) {
  const double loss = report.loss.all.Mean();
  const std::optional<Finding> finding = guard_.Judge(loss, report.grad_norm);
  if (!finding) return true;
  const ErrorParts parts = DescribeFinding(*finding, report, rows, optimizer_.FirstNonFinite());
  if (finding->action == "stop") throw WorkError(parts);
  Warn(fmt::format("{}; {}: {}", parts.what, parts.where, finding->action));
  if (finding->action == "rollback") RollBack();
  return finding->action == "warn";
}

/// Back go weights and moments alone: steps, data and learning rate go on, so that the data which
/// broke the run is not met again. Only checkpoints that are due by the recipe count: what was
/// saved on request or at a stop must not change where an interrupted run comes out.
void Run::RollBack() {
  checkpoints_->Wait();
  const fs::path folder = fs::path(recipe_.output) / "checkpoints";
  const std::optional<LoadedState> from = LoadNewestGood(folder, SaveEvery(recipe_, steps_));
  if (!from) {
    throw WorkError({.what = "there is no checkpoint to roll back to",
                     .where = folder.string(),
                     .hint = "save more often (checkpoint.every), or set the guard to skip"});
  }
  optimizer_.Restore(*from);
  Note(fmt::format("the weights are those of step {} again", from->step));
}

bool Run::AfterStep(const StepReport& report) {
  step_ = report.step;
  tokens_ += report.input_tokens;
  train_seconds_ += report.seconds;
  log_->Step(report, tokens_, std::exchange(save_seconds_, 0));
  const bool best = ValidateIfDue();
  const Stopwatch pause;
  SaveIfDue(best);
  save_seconds_ += pause.Seconds();
  memory_.Look();
  return !SignalGuard::Requested().has_value();
}

/// True when the loss on validation data is the lowest so far. A signal ends it early: then it is
/// due anew when the run goes on.
bool Run::ValidateIfDue() {
  validation_due_ |= step_ % ValidateEvery(recipe_, steps_) == 0 || Last();
  validation_due_ = validation_due_ && task_.CanValidate();
  if (!validation_due_) return false;
  const Stopwatch watch;
  const LossSums loss = task_.Validate();
  const std::optional<LossSums> masked = task_.ValidateMasked();
  if (SignalGuard::Requested()) return false;
  validation_due_ = false;
  log_->Validation(step_, loss, masked, watch.Seconds());
  validated_step_ = step_;
  const bool best = !best_validation_ || loss.all.Mean() < *best_validation_;
  if (best) best_validation_ = loss.all.Mean();
  return best;
}

/// A save that falls due while the last one is still being written waits for a later step, so that
/// training stands still for a copy at most; what must be of this very step does not wait.
void Run::SaveIfDue(bool best) {
  const bool stops = Last() || SignalGuard::Requested().has_value();
  const bool keeps_best = best && recipe_.checkpoint.keep_best;
  wants_save_ |= SaveDue(recipe_, steps_, step_, since_save_.Seconds()) || keeps_best || stops ||
                 SignalGuard::TakeSaveRequest();
  const int64_t kept = recipe_.checkpoint.keep_every;
  const bool exact =
      stops || keeps_best || (kept > 0 && step_ % kept == 0) || RollsBack(recipe_.guard);
  if (!wants_save_ || (checkpoints_->Busy() && !exact)) return;
  Save(recipe_.checkpoint.background && !stops);
  wants_save_ = false;
}

nlohmann::ordered_json Run::Summary() const {
  nlohmann::ordered_json summary = task_.SummaryHead();
  summary.update(Figures(step_, tokens_, log_->train_loss(), log_->validation_loss()));
  summary["train_seconds"] = train_seconds_;
  if (task_.model().head().is_cpu()) {
    summary["forecast_bytes"] = std::llround(TotalBytes(preflight_.memory));
    summary["peak_bytes"] = PeakMemory();
  }
  summary["output"] = recipe_.output;
  if (Whole()) summary["model"] = (fs::path(recipe_.output) / "hf").string();
  return summary;
}

}  // namespace

int64_t ValidateEvery(const Recipe& recipe, int64_t steps) {
  return recipe.validation.every > 0 ? recipe.validation.every : (steps + 19) / 20;
}

int64_t SaveEvery(const Recipe& recipe, int64_t steps) {
  if (recipe.checkpoint.every > 0) return recipe.checkpoint.every;
  return std::clamp<int64_t>((steps + 9) / 10, 50, 500);
}

bool SaveDue(const Recipe& recipe, int64_t steps, int64_t step, double seconds_since_save) {
  constexpr double kOldest = 30 * 60;
  if (step % SaveEvery(recipe, steps) == 0) return true;
  return recipe.checkpoint.every == 0 && seconds_since_save >= kOldest;
}

RunOutcome RunTraining(const Recipe& recipe, const StartOptions& options,
                       const TaskFactory& make_task) {
  const SignalGuard signals;
  RunStart start = FindStart(recipe, options);
  if (start.finished) return ReportFinished(recipe, *start.from);
  if (options.resume && !start.from) {
    if (auto summary = ExportedRunSummary(recipe)) return {.summary = std::move(*summary)};
  }
  SetComputeThreads(start.threads);
  const at::Device device = ParseDevice(recipe.train.device, "train.device");
  const at::ScalarType dtype = ParseDtype(recipe.train.precision, device, "train.precision");
  const std::unique_ptr<TrainTask> task = make_task(start.threads);
  SignalGuard::StopIfRequested();
  // Now, not when a checkpoint is made: the files may change or go while the run is on.
  nlohmann::json inputs = InputsToJson(task->inputs());
  if (start.from) CheckSameInputs(inputs, *start.from, options.allow_changes);
  const Preflight preflight = ForecastRun(recipe, task->sizes(), device, dtype);
  RequireMemory(preflight, recipe, task->sizes(), dtype);
  task->MakeModel(device, dtype);
  SignalGuard::StopIfRequested();
  HoldRunFolder(recipe.output, start);
  return Run(recipe, *task, preflight, std::move(inputs)).Go(start.from);
}

}  // namespace meap
