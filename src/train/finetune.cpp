#include "train/finetune.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "core/console.h"
#include "core/signals.h"
#include "objective/finetune_rows.h"
#include "train/adapted_model.h"
#include "train/finetune_inputs.h"
#include "train/trained_model.h"

namespace meap {
namespace {

/// Conversations, the loss on answers; MEAP adds masked copies of those with long answers.
class FinetuneTask : public TrainTask {
 public:
  explicit FinetuneTask(const Recipe& recipe)
      : recipe_(recipe), inputs_(OpenFinetuneInputs(recipe)) {
    if (CanValidate()) validation_passes_ = ValidationPasses();
  }

  RunSizes sizes() const override {
    return {.config = inputs_.config,
            .steps = inputs_.steps,
            .batch_rows = recipe_.data.packing ? inputs_.train->MostRows()
                                               : recipe_.train.batch_tokens / RowTokens(),
            .micro_rows = inputs_.micro_rows,
            .micro_tokens = inputs_.micro_tokens,
            .sequence_length = RowTokens(),
            .trained_parameters = TrainedParameters(inputs_.config, recipe_)};
  }

  std::vector<std::pair<std::string, std::string>> Describe() const override {
    const SampleCounts& counts = inputs_.train->counts();
    const std::string how =
        recipe_.objective.name == "meap"
            ? fmt::format("meap (mask ratio {}, {})", recipe_.objective.mask_ratio,
                          recipe_.objective.layout.layout)
            : "ntp";
    return {
        {"objective", how},
        {"model",
         fmt::format(
             "{} parameters, {} trained{}", Count(model().ParameterCount()), Count(TrainedCount()),
             recipe_.lora.rank > 0 ? fmt::format(" (LoRA, rank {})", recipe_.lora.rank) : "")},
        {"template", inputs_.chat_template},
        {"data", fmt::format("{} samples ({} doubled, {} fell back, {} truncated), {} dropped; "
                             "{} tokens an epoch",
                             counts.used(), counts.doubled, counts.fell_back, counts.truncated,
                             counts.dropped + static_cast<int64_t>(inputs_.dropped.total()),
                             Count(inputs_.train->tokens()))}};
  }

  nlohmann::ordered_json SummaryHead() const override {
    const SampleCounts& counts = inputs_.train->counts();
    return {{"objective", recipe_.objective.name},
            {"mask_ratio", recipe_.objective.mask_ratio},
            {"layout", recipe_.objective.layout.layout},
            {"template", inputs_.chat_template},
            {"samples", counts.used()},
            {"doubled", counts.doubled},
            {"fell_back", counts.fell_back},
            {"truncated", counts.truncated},
            {"dropped_too_long", counts.dropped},
            {"dropped_broken", inputs_.dropped.total()}};
  }

  InputHashes inputs() const override {
    InputHashes hashes = HashModelInputs(inputs_, recipe_);
    hashes.insert(hashes.end(), inputs_.data_hashes.begin(), inputs_.data_hashes.end());
    return hashes;
  }

  std::vector<LossPart> loss_parts() const override {
    return {{"loss_answer", {static_cast<uint8_t>(LossRegion::kAnswer)}},
            {"loss_masked", {static_cast<uint8_t>(LossRegion::kMasked)}}};
  }

  void MakeModel(at::Device device, at::ScalarType dtype) override {
    made_ = MakeAdaptedModel(inputs_, recipe_, device, dtype);
    made_->model.SetRecomputed(ReadRecomputed(recipe_.train));
  }
  const Llama& model() const override { return made_->model; }
  std::vector<Parameter> trained() const override { return Trained(*made_); }
  std::vector<at::Tensor> masters() const override { return made_->masters; }

  TrainingRows RowsForStep(int64_t step) const override { return inputs_.train->Rows(step); }

  bool CanValidate() const override { return inputs_.validation != nullptr; }

  LossSums Validate() const override {
    LossSums sums;
    for (int64_t pass = 1; pass <= validation_passes_ && !SignalGuard::Requested(); ++pass) {
      sums += ForwardLoss(model(), inputs_.validation->Rows(pass));
    }
    return sums;
  }

  void Export(const fs::path& folder, const std::vector<at::Tensor>& masters) const override {
    ExportAdaptedModel(*made_, inputs_, recipe_, masters, folder);
  }

 private:
  static std::string Count(int64_t count) { return FormatCount(static_cast<double>(count)); }

  /// Of the longest row.
  int64_t RowTokens() const {
    return recipe_.data.packing ? recipe_.data.sequence_length : inputs_.train->LongestLength();
  }

  int64_t TrainedCount() const {
    int64_t count = 0;
    for (const Parameter& parameter : trained()) count += parameter.tensor.numel();
    return count;
  }

  /// The recipe's tokens, or as many passes as cost 3 % of the run; a forward pass is a third of a
  /// training pass.
  int64_t ValidationPasses() const {
    const int64_t pass_tokens = inputs_.validation_rows * recipe_.data.sequence_length;
    const double step_passes = static_cast<double>(inputs_.train->tokens()) /
                               static_cast<double>(pass_tokens * inputs_.train->StepsOf(1));
    const double every = static_cast<double>(ValidateEvery(recipe_, inputs_.steps));
    const int64_t wanted = recipe_.validation.tokens > 0
                               ? (recipe_.validation.tokens + pass_tokens - 1) / pass_tokens
                               : static_cast<int64_t>(3 * 0.03 * every * step_passes);
    return std::clamp<int64_t>(wanted, 1, inputs_.validation->StepsOf(1));
  }

  Recipe recipe_;
  FinetuneInputs inputs_;
  int64_t validation_passes_ = 0;
  std::optional<AdaptedModel> made_;
};

}  // namespace

RunOutcome Finetune(const Recipe& recipe, const StartOptions& start) {
  return RunTraining(recipe, start,
                     [&](int /*threads*/) { return std::make_unique<FinetuneTask>(recipe); });
}

}  // namespace meap
