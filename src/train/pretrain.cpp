#include "train/pretrain.h"

#include <fmt/format.h>

#include <algorithm>

#include "checkpoint/hf_folder.h"
#include "core/console.h"
#include "core/signals.h"
#include "objective/mask_region.h"
#include "train/run_inputs.h"
#include "train/trained_model.h"

namespace meap {
namespace {

/// Rows of a validation: the recipe's, or as many as cost a small share of the run.
int64_t ValidationRows(const Recipe& recipe, const RunInputs& inputs) {
  const int64_t length = recipe.data.sequence_length;
  // A forward pass is a third of a step: 3 % of the run is spent on looking.
  constexpr double kShare = 0.03;
  const int64_t every = ValidateEvery(recipe, inputs.steps);
  const double budget = 3 * kShare * static_cast<double>(every * inputs.batch_rows);
  const int64_t wanted = recipe.validation.tokens > 0 ? recipe.validation.tokens / length
                                                      : static_cast<int64_t>(budget);
  const auto available = static_cast<int64_t>((inputs.validation->tokens() - 1) / length);
  return std::clamp<int64_t>(wanted, 1, available);
}

std::string Tokens(const TokenStore& store) {
  return FormatCount(static_cast<double>(store.tokens()));
}

/// One line a source: its tokens, how often the run goes through it, its share of the rows.
std::vector<std::pair<std::string, std::string>> DescribeSources(const Recipe& recipe,
                                                                 const RunInputs& inputs,
                                                                 const Sampler& sampler) {
  std::vector<std::pair<std::string, std::string>> lines;
  const auto rows = static_cast<uint64_t>(inputs.steps * inputs.batch_rows);
  for (size_t s = 0; s < inputs.train.size(); ++s) {
    const auto of_run = static_cast<double>(sampler.RowsOf(s, rows));
    std::string line = fmt::format("{} tokens, {:.2f} epochs", Tokens(*inputs.train[s].store),
                                   of_run / static_cast<double>(sampler.windows(s)));
    if (inputs.train.size() > 1) {
      line += fmt::format(", {:.1f} % of the rows: {}", 100 * of_run / static_cast<double>(rows),
                          recipe.data.train[s]);
    }
    lines.emplace_back("data", line);
  }
  if (inputs.validation) lines.emplace_back("validation", Tokens(*inputs.validation) + " tokens");
  return lines;
}

/// The data by what its preparation knows of it: the files' hashes, and a key that also names how
/// they became tokens.
InputHashes HashInputs(const RunInputs& inputs, const Recipe& recipe) {
  InputHashes hashes = HashModelInputs(inputs, recipe);
  for (const MixtureSource& source : inputs.train) {
    for (const Manifest& manifest : source.store->manifests()) {
      hashes.emplace_back("data.train tokens", manifest.content_key);
      for (const SourceInfo& file : manifest.sources) {
        hashes.emplace_back("data.train " + file.file, file.hash);
      }
    }
  }
  return hashes;
}

/// Windows of plain text, every position with a loss; MEAP masks inputs, NTP none.
class PretrainTask : public TrainTask {
 public:
  PretrainTask(const Recipe& recipe, int threads)
      : recipe_(recipe),
        inputs_(OpenRunInputs(recipe, threads)),
        reader_(inputs_.TrainReader(recipe)) {}

  RunSizes sizes() const override {
    return {.config = inputs_.config,
            .steps = inputs_.steps,
            .batch_rows = inputs_.batch_rows,
            .micro_rows = inputs_.micro_rows,
            .micro_tokens = inputs_.micro_rows * recipe_.data.sequence_length,
            .sequence_length = recipe_.data.sequence_length};
  }

  std::vector<std::pair<std::string, std::string>> Describe() const override {
    const LlamaConfig& c = inputs_.config;
    std::vector<std::pair<std::string, std::string>> lines = {
        {"objective",
         fmt::format("{} (mask ratio {})", recipe_.objective.name, recipe_.objective.mask_ratio)},
        {"model", fmt::format("{} parameters: {} x {}, ffn {}, {} heads, {} KV, vocabulary {}",
                              FormatCount(static_cast<double>(model().ParameterCount())),
                              c.num_hidden_layers, c.hidden_size, c.intermediate_size,
                              c.num_attention_heads, c.num_key_value_heads, c.vocab_size)}};
    for (auto& line : DescribeSources(recipe_, inputs_, reader_.sampler())) {
      lines.push_back(std::move(line));
    }
    return lines;
  }

  nlohmann::ordered_json SummaryHead() const override {
    return {{"objective", recipe_.objective.name}, {"mask_ratio", recipe_.objective.mask_ratio}};
  }

  InputHashes inputs() const override { return HashInputs(inputs_, recipe_); }

  std::vector<LossPart> loss_parts() const override {
    const auto region = [](MaskRegion r) { return static_cast<uint8_t>(r); };
    const uint8_t masked = region(MaskRegion::kMasked);
    const uint8_t after = region(MaskRegion::kAfterMask);
    const uint8_t elsewhere = region(MaskRegion::kElsewhere);
    return {{"loss_masked", {masked}},
            {"loss_unmasked", {after, elsewhere}},
            {"loss_after_masked", {after}},
            {"loss_elsewhere", {elsewhere}}};
  }

  void MakeModel(at::Device device, at::ScalarType dtype) override {
    made_ = MakeTrainedModel(inputs_.config,
                             {.folder = recipe_.model.path,
                              .stored = inputs_.stored,
                              .seed = static_cast<uint64_t>(recipe_.train.seed)},
                             device, dtype);
    made_->model.SetRecomputed(ReadRecomputed(recipe_.train));
  }
  const Llama& model() const override { return made_->model; }
  std::vector<Parameter> trained() const override { return model().parameters(); }
  std::vector<at::Tensor> masters() const override { return made_->masters; }

  TrainingRows RowsForStep(int64_t step) const override {
    TrainingRows rows =
        MakeRows(inputs_.objective, reader_.Step(static_cast<uint64_t>(step - 1)), step);
    rows.regions = MaskRegions(rows);
    return rows;
  }

  bool CanValidate() const override { return inputs_.validation != nullptr; }

  // Unmasked text: what the model will meet, and what NTP and MEAP can be compared on.
  LossSums Validate() const override { return ValidationLoss(PretrainObjective()); }

  std::optional<LossSums> ValidateMasked() const override {
    const ObjectiveOptions& objective = recipe_.objective;
    if (objective.mask_ratio == 0 && objective.mask.ratio_end == 0) return std::nullopt;
    return ValidationLoss(inputs_.objective);
  }

  void Export(const fs::path& folder, const std::vector<at::Tensor>& masters) const override {
    SaveHfFolder(folder, model().config(), model().HfSources(masters),
                 {.write_tokenizer = [this](const fs::path& to) { inputs_.tokenizer->Save(to); }});
  }

 private:
  /// Every time the same rows with the same masks: those of the run's last step.
  LossSums ValidationLoss(const PretrainObjective& objective) const {
    const BatchReader reader = inputs_.ValidationReader(recipe_);
    const int64_t rows = ValidationRows(recipe_, inputs_);
    LossSums sums;
    for (int64_t begin = 0; begin < rows && !SignalGuard::Requested();
         begin += inputs_.micro_rows) {
      const int64_t count = std::min(inputs_.micro_rows, rows - begin);
      const Batch batch = reader.Rows(static_cast<uint64_t>(begin), count);
      sums += ForwardLoss(model(), MakeRows(objective, batch, inputs_.steps));
    }
    return sums;
  }

  Recipe recipe_;
  RunInputs inputs_;
  BatchReader reader_;
  std::optional<TrainedModel> made_;
};

}  // namespace

RunOutcome Pretrain(const Recipe& recipe, const StartOptions& start) {
  return RunTraining(recipe, start,
                     [&](int threads) { return std::make_unique<PretrainTask>(recipe, threads); });
}

}  // namespace meap
