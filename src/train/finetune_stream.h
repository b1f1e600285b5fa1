// The batches of a fine-tuning run: samples, what becomes of each, and the rows of every step.
#pragma once

#include <algorithm>
#include <cstdint>
#include <mutex>
#include <vector>

#include "data/packing.h"
#include "objective/finetune.h"
#include "objective/rows.h"

namespace meap {

struct FinetuneStreamOptions {
  FinetuneObjective objective = {};
  PackingOptions packing = {};  // row_tokens is the sequence length that samples must fit
  bool truncate = false;        // what does not fit loses its tail; else it is dropped
  int32_t pad_id = 0;
};

/// How many samples became what.
struct SampleCounts {
  int64_t plain = 0;      // trained as plain SFT: NTP, or a short answer
  int64_t doubled = 0;    // with a masked copy: MEAP
  int64_t fell_back = 0;  // plain SFT, because the doubled form does not fit
  int64_t truncated = 0;  // of all these, how many lost their tail
  int64_t dropped = 0;    // too long, or without a label once cut

  int64_t used() const { return plain + doubled + fell_back; }
};

/// A stream of optimizer steps, epoch after epoch, each sample in every epoch. Const calls are
/// thread-safe.
class FinetuneStream {
 public:
  /// The id of a sample is its index. A set without one that can be used gives no steps.
  FinetuneStream(std::vector<TaggedTokens> samples, const FinetuneStreamOptions& options);

  const SampleCounts& counts() const { return counts_; }
  /// Tokens of an epoch, copies counted.
  int64_t tokens() const;
  /// Tokens of the longest sequence.
  int64_t LongestLength() const { return *std::max_element(lengths_.begin(), lengths_.end()); }
  /// Steps of `epochs` passes over the samples; a broken one is rounded up to whole steps.
  int64_t StepsOf(double epochs) const;
  /// The rows of optimizer step `step` (from 1): a pure function of it. Rows are row_tokens long,
  /// or, not packed, as long as the longest of the step.
  TrainingRows Rows(int64_t step) const;
  /// Rows of the longest step of the first epoch.
  int64_t MostRows() const;

 private:
  struct Item {
    uint32_t sample;
    SamplePart part;
  };

  const std::vector<StepRows>& Plan(uint32_t epoch) const;
  FinetuneSequence LayOutItem(const Item& item, uint32_t epoch) const;

  std::vector<TaggedTokens> samples_;
  FinetuneStreamOptions options_;
  std::vector<SamplePlan> plans_;  // of each sample
  std::vector<Item> items_;
  std::vector<int64_t> lengths_;  // of each item
  SampleCounts counts_;
  mutable std::mutex mutex_;
  mutable uint32_t planned_epoch_ = 0;
  mutable std::vector<StepRows> plan_;            // of planned_epoch_; empty before the first
  mutable std::vector<int64_t> epoch_begins_{0};  // steps before each epoch, as far as known
};

}  // namespace meap
