#include "train/run_log.h"

#include <fmt/format.h>

namespace meap {
namespace {

/// The loss by how positions stand to the masks; a part without positions is left out, and without
/// masks there are no parts.
std::vector<std::pair<std::string, double>> PartialLosses(const LossSums& sums) {
  std::vector<std::pair<std::string, double>> losses;
  const auto add = [&](const char* name, double nll, int64_t tokens) {
    if (tokens > 0) losses.emplace_back(name, nll / static_cast<double>(tokens));
  };
  if (sums.masked_tokens == 0) return losses;
  const double unmasked_nll = sums.nll - sums.masked_nll;
  const int64_t unmasked_tokens = sums.tokens - sums.masked_tokens;
  add("loss_masked", sums.masked_nll, sums.masked_tokens);
  add("loss_unmasked", unmasked_nll, unmasked_tokens);
  add("loss_after_masked", sums.after_nll, sums.after_tokens);
  add("loss_elsewhere", unmasked_nll - sums.after_nll, unmasked_tokens - sums.after_tokens);
  return losses;
}

}  // namespace

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
  for (const auto& [name, loss] : PartialLosses(report.loss)) {
    line[name] = loss;
    scalars.emplace_back("train/" + name, loss);
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
