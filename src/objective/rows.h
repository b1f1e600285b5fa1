// From windows of tokens to what the model is fed and judged on: the label rules, free of devices
// and I/O.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "objective/mask_policy.h"
#include "objective/mask_ratio.h"

namespace meap {

/// Label of a position without loss.
inline constexpr int64_t kNoLabel = -100;
/// Segment of padding, which is in no one's attention and is never computed.
inline constexpr int64_t kPadSegment = -1;

/// Rows of T positions, one after another, ready for a model.
struct TrainingRows {
  int64_t rows = 0;
  int64_t length = 0;                   // T
  std::vector<int64_t> input_ids = {};  // rows x T
  std::vector<int64_t> labels = {};     // rows x T: the token that position t predicts, or kNoLabel
  std::vector<int64_t> position_ids = {};  // rows x T
  std::vector<int64_t> segment_ids = {};   // rows x T: attention stays among equal ids of a row
  std::vector<int64_t> sample_ids = {};    // rows x T; -1: padding
  std::vector<uint8_t> masked = {};        // rows x T: 1 where the mask policy chose the input
  /// rows x T, or empty: which of the task's regions a position is of; losses are told apart by it.
  std::vector<uint8_t> regions = {};

  int64_t LabelCount() const;
  /// Positions that are not padding.
  int64_t TokenCount() const;
  /// Attention segments, padding not counted.
  int64_t SegmentCount() const;
  /// The ids of the samples that the rows hold, ascending.
  std::vector<int64_t> Samples() const;
  /// What is computed: all positions but padding, as one row. The segments stay apart.
  TrainingRows WithoutPadding() const;
  /// Ends of the attention segments over all rows x T positions, with a leading 0.
  std::vector<int64_t> SegmentOffsets() const;
  /// How many rows from `begin` on one pass takes: at most so many, and so many positions without
  /// padding, but one at least.
  int64_t PassRows(int64_t begin, int64_t most_rows, int64_t most_tokens) const;
  /// Rows [begin, begin + count) alone: a micro-batch.
  TrainingRows Slice(int64_t begin, int64_t count) const;

 private:
  bool StartsSegment(size_t i) const;
};

/// The objective of a pre-training run. NTP is ratio 0.
struct PretrainObjective {
  double mask_ratio = 0;
  int32_t mask_id = -1;
  uint64_t seed = 0;
  MaskPolicy policy = {};
  MaskRatioSchedule schedule = {};
  std::shared_ptr<const TokenTraits> traits = nullptr;  // may be null where the policy needs none
};

/// Appends one pre-training row. `window` holds T+1 tokens: inputs are the first T, masked by the
/// policy, targets the last T as they were; every position has a loss (paper section 3.1). With
/// `segments` (T+1 document numbers; empty = one segment) attention and positions stay inside each
/// document, and what would be predicted across a border has no label. `step` is the optimizer step
/// (from 1), for policies and ratios that go by it.
void AppendPretrainRow(const PretrainObjective& objective, std::span<const int32_t> window,
                       std::span<const int32_t> segments, uint32_t epoch, uint64_t sample,
                       TrainingRows& out, int64_t step = 1);

}  // namespace meap
