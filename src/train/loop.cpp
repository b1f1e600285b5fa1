#include "train/loop.h"

#include <fmt/format.h>

#include <chrono>
#include <cmath>

#include "core/error.h"
#include "core/prefetch.h"
#include "train/schedule.h"

namespace meap {
namespace {

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Gradients of the whole global batch, a micro-batch at a time, every token with the same weight.
LossSums AccumulateGradients(const Llama& model, Optimizer& optimizer, const TrainingRows& rows,
                             int64_t micro_rows) {
  LossSums sums;
  const double scale = 1.0 / static_cast<double>(rows.LabelCount());
  for (int64_t begin = 0; begin < rows.rows; begin += micro_rows) {
    const int64_t count = std::min(micro_rows, rows.rows - begin);
    sums += ForwardBackward(model, rows.Slice(begin, count), scale);
    optimizer.Accumulate();
  }
  return sums;
}

void CheckFinite(const StepReport& report, const TrainingRows& rows) {
  if (std::isfinite(report.loss.all.nll) && std::isfinite(report.grad_norm)) return;
  std::string samples;
  for (size_t i = 0; i < rows.sample_ids.size() && i < 8; ++i) {
    samples += fmt::format("{}{}", i > 0 ? ", " : "", rows.sample_ids[i]);
  }
  throw WorkError(
      {.what = "training diverged",
       .where = fmt::format("step {}, samples {}{}", report.step, samples,
                            rows.sample_ids.size() > 8 ? ", ..." : ""),
       .expected = "a finite loss and gradient",
       .got = fmt::format("loss {}, gradient norm {}", report.loss.all.Mean(), report.grad_norm),
       .hint = "lower optimizer.lr or raise schedule.warmup, then go on with --resume"});
}

}  // namespace

void TrainLoop(const Recipe& recipe, const TrainTask& task, Optimizer& optimizer,
               int64_t first_step, const LoopEvents& events) {
  const RunSizes sizes = task.sizes();
  Prefetcher<TrainingRows> batches([&](int64_t step) { return task.RowsForStep(step); }, first_step,
                                   sizes.steps);
  for (int64_t step = first_step; step <= sizes.steps; ++step) {
    StepReport report{.step = step};
    const auto start = Clock::now();
    const TrainingRows rows = batches.Next();
    report.wait_seconds = SecondsSince(start);
    report.loss = AccumulateGradients(task.model(), optimizer, rows, sizes.micro_rows);
    report.lr = LearningRate(recipe.schedule, recipe.optimizer.lr, step, sizes.steps);
    report.grad_norm = optimizer.Update(step, report.lr);
    report.seconds = SecondsSince(start);
    CheckFinite(report, rows);
    if (!events.after_step(report)) return;
  }
}

}  // namespace meap
