#include "train/run_log.h"

#include <fmt/format.h>

namespace meap {
namespace {

std::vector<std::pair<std::string, double>> PartialLosses(const LossSums& sums,
                                                          const std::vector<LossPart>& parts) {
  std::vector<std::pair<std::string, double>> losses;
  for (const LossPart& part : parts) {
    LossSum sum;
    for (const uint8_t region : part.regions) {
      if (region < sums.regions.size()) sum += sums.regions[region];
    }
    const bool says_something = sum.tokens > 0 && sum.tokens < sums.all.tokens;
    if (says_something) losses.emplace_back(part.name, sum.Mean());
  }
  return losses;
}

}  // namespace

RunLog::RunLog(const fs::path& output, const std::string& label, int64_t steps,
               std::vector<LossPart> parts, const StepCost& cost,
               std::optional<int64_t> resume_step, bool validates)
    : parts_(std::move(parts)),
      cost_(cost),
      metrics_(output / "metrics.jsonl", resume_step, validates),
      board_(output / "tensorboard", resume_step),
      bar_(label, static_cast<uint64_t>(steps), "steps",
           static_cast<uint64_t>(resume_step.value_or(0))) {}

void RunLog::RestoreLosses(std::optional<double> train, std::optional<double> validation) {
  train_loss_ = train;
  validation_loss_ = validation;
}

void RunLog::Step(const StepReport& report, int64_t total_tokens, double save_seconds) {
  const double loss = report.loss.all.Mean();
  if (report.updated) train_loss_ = loss;
  const double rate = static_cast<double>(report.input_tokens) / report.seconds;
  nlohmann::ordered_json line = {{"step", report.step},
                                 {"loss", loss},
                                 {"lr", report.lr},
                                 {"grad_norm", report.grad_norm},
                                 {"tokens", total_tokens}};
  std::vector<std::pair<std::string, double>> scalars = {{"train/loss", loss},
                                                         {"train/lr", report.lr},
                                                         {"train/grad_norm", report.grad_norm},
                                                         {"speed/tokens_per_second", rate}};
  for (const auto& [name, part] : PartialLosses(report.loss, parts_)) {
    line[name] = part;
    scalars.emplace_back("train/" + name, part);
  }
  if (!report.updated) line["skipped"] = true;
  line["tokens_per_second"] = rate;
  line["samples_per_second"] = static_cast<double>(report.samples) / report.seconds;
  line["step_seconds"] = report.seconds;
  line["data_wait_seconds"] = report.wait_seconds;
  line["forward_backward_seconds"] = report.compute_seconds;
  line["optimizer_seconds"] = report.optimizer_seconds;
  line["checkpoint_seconds"] = save_seconds;
  if (cost_.peak_rate > 0) {
    const double flops = cost_.flops_per_token * static_cast<double>(report.input_tokens);
    line["mfu"] = flops / report.seconds / cost_.peak_rate;
    scalars.emplace_back("speed/mfu", line["mfu"].get<double>());
  }
  metrics_.Append(line);
  board_.AddScalars(report.step, scalars);
  bar_.Update(static_cast<uint64_t>(report.step),
              fmt::format("loss {:.4f}  val {}  lr {:.2e}  |g| {:.2f}  {} tok/s", loss,
                          validation_loss_ ? fmt::format("{:.4f}", *validation_loss_) : "-",
                          report.lr, report.grad_norm, FormatCount(rate)));
}

void RunLog::Validation(int64_t step, const LossSums& loss, const std::optional<LossSums>& masked,
                        double seconds) {
  validation_loss_ = loss.all.Mean();
  nlohmann::ordered_json line = {{"step", step}, {"validation_loss", *validation_loss_}};
  std::vector<std::pair<std::string, double>> scalars = {{"validation/loss", *validation_loss_}};
  if (masked) {
    line["validation_loss_masked"] = masked->all.Mean();
    scalars.emplace_back("validation/loss_masked", masked->all.Mean());
  }
  line["validation_tokens"] = loss.all.tokens;
  line["validation_seconds"] = seconds;
  metrics_.Append(line);
  board_.AddScalars(step, scalars);
}

}  // namespace meap
