// A training run from its start to its export, whatever it trains on: `meap pretrain` and
// `meap finetune` differ in their TrainTask alone.
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>

#include "config/recipe.h"
#include "core/error.h"
#include "train/run_start.h"
#include "train/task.h"

namespace meap {

/// How a run ended.
struct RunOutcome {
  nlohmann::ordered_json summary;        // the task's fields, then steps, tokens, losses, ...
  ExitCode exit_code = ExitCode::kDone;  // or 130, 143: stopped with the state saved
};

/// Opens and checks what a task needs (data, tokenizer, shapes) on that many threads; the model
/// comes later, with TrainTask::MakeModel.
using TaskFactory = std::function<std::unique_ptr<TrainTask>(int threads)>;

/// Trains into recipe.output: metrics.jsonl, tensorboard/, checkpoints/, recipe.yaml, lock and,
/// when finished, hf/. SIGINT, SIGTERM and SIGUSR1 are wishes (core/signals.h) all the while. With
/// `options.resume` it goes on from the newest good checkpoint, to the last bit as if it had never
/// stopped; a finished run is only reported. Without, an output folder that holds a run is an
/// InputError, so that nothing is lost. A run that by the forecast cannot fit into memory is an
/// InputError too, before anything is written.
RunOutcome RunTraining(const Recipe& recipe, const StartOptions& options,
                       const TaskFactory& make_task);

/// Steps between validations, and between checkpoints: the recipe's, or chosen.
int64_t ValidateEvery(const Recipe& recipe, int64_t steps);
int64_t SaveEvery(const Recipe& recipe, int64_t steps);

/// Whether a checkpoint is due after `step` of `steps`: by SaveEvery, or, where that was chosen, by
/// the age of the last one.
bool SaveDue(const Recipe& recipe, int64_t steps, int64_t step, double seconds_since_save);

}  // namespace meap
