// What a run trains on and what it leaves behind: the part of a training run that differs between
// pre-training and fine-tuning. All else (optimizer, loop, log, checkpoints, resume, guards) is in
// train/run.h and the same for both.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/files.h"
#include "model/llama.h"
#include "objective/rows.h"
#include "train/input_hashes.h"
#include "train/step.h"

namespace meap {

/// How much a run computes, known before its model takes any memory.
struct RunSizes {
  LlamaConfig config;               // of the model
  int64_t steps = 0;                // optimizer steps in the run
  int64_t batch_rows = 0;           // rows of T tokens in an optimizer step
  int64_t micro_rows = 0;           // rows in one forward pass, the most
  int64_t micro_tokens = 0;         // tokens in one forward pass, the most; a row is never cut
  int64_t sequence_length = 0;      // T: tokens in a row, the most where they vary
  int64_t trained_parameters = -1;  // numbers that the optimizer changes; -1: the whole model

  /// Rows of T tokens that one pass takes.
  int64_t FullMicroRows() const { return (micro_tokens + sequence_length - 1) / sequence_length; }
};

/// A loss that the log shows beside that of all positions: over those of some regions.
struct LossPart {
  std::string name;              // in metrics.jsonl, "loss_masked"
  std::vector<uint8_t> regions;  // values of TrainingRows::regions
};

class TrainTask {
 public:
  virtual ~TrainTask() = default;

  virtual RunSizes sizes() const = 0;
  /// Name and meaning of what is announced before the run: {"objective", "meap (mask ratio 0.15)"}.
  virtual std::vector<std::pair<std::string, std::string>> Describe() const = 0;
  /// The first fields of the summary on stdout: {"objective": "meap", "mask_ratio": 0.15}.
  virtual nlohmann::ordered_json SummaryHead() const = 0;
  /// Which losses are shown beside the whole. A part without positions in a step, or with all of
  /// them, is left out of that step's metrics.
  virtual std::vector<LossPart> loss_parts() const { return {}; }

  /// What decides on the steps beside the recipe: training data, tokenizer, the model trained on.
  virtual InputHashes inputs() const = 0;

  /// Makes the model with its first weights. Called once, and before all that follows.
  virtual void MakeModel(at::Device device, at::ScalarType dtype) = 0;
  virtual const Llama& model() const = 0;
  /// What is trained, each requiring a gradient, and the f32 masters of it (see Optimizer).
  virtual std::vector<Parameter> trained() const = 0;
  virtual std::vector<at::Tensor> masters() const = 0;

  /// The rows of optimizer step `step` (from 1): a pure function of it, so that a run can go on
  /// anywhere. Called from a background thread that runs ahead of training. Every position with a
  /// label counts the same in the step's loss, whatever its row and micro-batch.
  virtual TrainingRows RowsForStep(int64_t step) const = 0;
  /// The loss on validation data; nothing where there is none. A signal that asks to stop ends it
  /// early, and what is summed up then means nothing.
  virtual bool CanValidate() const { return false; }
  virtual LossSums Validate() const { return {}; }
  /// The same on the same data with inputs masked as in training; nothing where none are.
  virtual std::optional<LossSums> ValidateMasked() const { return std::nullopt; }

  /// Writes the finished model to `folder`, whole or not at all. `masters` are the trained weights.
  virtual void Export(const fs::path& folder, const std::vector<at::Tensor>& masters) const = 0;
};

}  // namespace meap
