#include "train/run_log.h"

#include <fmt/format.h>

namespace meap {

RunLog::RunLog(const Recipe& recipe, int64_t steps, std::optional<int64_t> resume_step)
    : metrics_(fs::path(recipe.output) / "metrics.jsonl", resume_step),
      board_(fs::path(recipe.output) / "tensorboard", resume_step),
      bar_(recipe.objective.name, static_cast<uint64_t>(steps), "steps") {}

void RunLog::RestoreLosses(std::optional<double> train, std::optional<double> validation) {
  train_loss_ = train;
  validation_loss_ = validation;
}

void RunLog::Step(const StepReport& report, int64_t total_tokens) {
  train_loss_ = report.loss.Mean();
  const double rate = static_cast<double>(report.loss.tokens) / report.seconds;
  nlohmann::ordered_json line = {{"step", report.step},
                                 {"loss", *train_loss_},
                                 {"lr", report.lr},
                                 {"grad_norm", report.grad_norm},
                                 {"tokens", total_tokens}};
  std::vector<std::pair<std::string, double>> scalars = {{"train/loss", *train_loss_},
                                                         {"train/lr", report.lr},
                                                         {"train/grad_norm", report.grad_norm},
                                                         {"speed/tokens_per_second", rate}};
  if (report.loss.masked_tokens > 0) {
    const LossSums& sums = report.loss;
    const double masked = sums.masked_nll / static_cast<double>(sums.masked_tokens);
    const double unmasked =
        (sums.nll - sums.masked_nll) /
        static_cast<double>(std::max<int64_t>(1, sums.tokens - sums.masked_tokens));
    line["loss_masked"] = masked;
    line["loss_unmasked"] = unmasked;
    scalars.emplace_back("train/loss_masked", masked);
    scalars.emplace_back("train/loss_unmasked", unmasked);
  }
  line["tokens_per_second"] = rate;
  line["step_seconds"] = report.seconds;
  line["data_wait_seconds"] = report.wait_seconds;
  metrics_.Append(line);
  board_.AddScalars(report.step, scalars);
  bar_.Update(static_cast<uint64_t>(report.step),
              fmt::format("loss {:.4f}  val {}  lr {:.2e}  |g| {:.2f}  {} tok/s", *train_loss_,
                          validation_loss_ ? fmt::format("{:.4f}", *validation_loss_) : "-",
                          report.lr, report.grad_norm, FormatCount(rate)));
}

void RunLog::Validation(int64_t step, const LossSums& loss) {
  validation_loss_ = loss.Mean();
  metrics_.Append(
      {{"step", step}, {"validation_loss", *validation_loss_}, {"validation_tokens", loss.tokens}});
  board_.AddScalars(step, {{"validation/loss", *validation_loss_}});
}

}  // namespace meap
