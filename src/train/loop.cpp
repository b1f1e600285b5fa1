#include "train/loop.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <optional>

#include "core/prefetch.h"
#include "core/signals.h"
#include "core/stopwatch.h"
#include "train/schedule.h"

namespace meap {
namespace {

/// Gradients of the whole global batch, a micro-batch at a time, every token with the same weight.
/// Nothing when a signal asks to stop before the last one.
std::optional<LossSums> AccumulateGradients(const Llama& model, const TrainingRows& rows,
                                            const RunSizes& sizes) {
  std::vector<at::Tensor> losses;
  // A step may have no label at all: one-token documents apart from each other.
  const double scale = 1.0 / static_cast<double>(std::max<int64_t>(1, rows.LabelCount()));
  for (int64_t begin = 0; begin < rows.rows;) {
    if (SignalGuard::Requested()) return std::nullopt;
    const int64_t count = rows.PassRows(begin, sizes.micro_rows, sizes.micro_tokens);
    losses.push_back(ForwardBackward(model, rows.Slice(begin, count), scale));
    begin += count;
  }
  return SumLosses(at::cat(losses), rows);  // looked at once, when all passes are under way
}

}  // namespace

void TrainLoop(const Recipe& recipe, const TrainTask& task, Optimizer& optimizer,
               int64_t first_step, const LoopEvents& events) {
  const RunSizes sizes = task.sizes();
  Prefetcher<TrainingRows> batches([&](int64_t step) { return task.RowsForStep(step); }, first_step,
                                   sizes.steps, /*depth=*/2);
  for (int64_t step = first_step; step <= sizes.steps; ++step) {
    StepReport report{.step = step};
    const Stopwatch whole;
    Stopwatch phase;
    const TrainingRows rows = batches.Next();
    report.wait_seconds = phase.Lap();
    report.input_tokens = rows.TokenCount();
    report.samples = static_cast<int64_t>(rows.Samples().size());
    const std::optional<LossSums> loss = AccumulateGradients(task.model(), rows, sizes);
    if (!loss) {
      optimizer.Discard();
      return;
    }
    report.loss = *loss;
    report.compute_seconds = phase.Lap();
    report.lr = LearningRate(recipe.schedule, recipe.optimizer.lr, step, sizes.steps);
    report.grad_norm = optimizer.GradientNorm();
    report.updated = events.accepts(report, rows);
    if (report.updated) {
      optimizer.Update(step, report.lr, report.grad_norm);
    } else {
      optimizer.Discard();
    }
    report.optimizer_seconds = phase.Lap();
    report.seconds = whole.Seconds();
    if (!events.after_step(report)) return;
  }
}

}  // namespace meap
