// A model that answers requests.
#pragma once

#include "core/machine.h"
#include "eval/scorer.h"
#include "infer/loaded_model.h"

namespace meap {

class ModelScorer : public Scorer {
 public:
  /// `model` must outlive it. Of a request longer than `max_length` tokens the last ones count.
  ModelScorer(const LoadedModel& model, int64_t max_length)
      : model_(model), max_length_(max_length) {}

  /// Log-likelihoods first, in packed batches with common beginnings computed once; then answers,
  /// in order of their prompts, so that each finds what it shares with the one before it.
  void Run(std::span<const Request> requests, std::span<std::optional<Response>> responses,
           const BatchDone& done) override;

 private:
  void Score(std::span<const Request> requests, std::span<std::optional<Response>> responses,
             const BatchDone& done);
  void Generate(std::span<const Request> requests, std::span<std::optional<Response>> responses,
                const BatchDone& done) const;

  const LoadedModel& model_;
  int64_t max_length_;
  MemoryWatch memory_;  // batches of many sizes leave pieces behind
};

/// 16 hexadecimal digits that change whenever a model's answers could: of its weights, its
/// configuration and its tokenizer.
std::string ModelHash(const fs::path& folder, const Tokenizer& tokenizer);

}  // namespace meap
