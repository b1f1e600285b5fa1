// Sequences of unequal length as batches: packed into full rows, or grouped by length.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace meap {

struct PackingOptions {
  int64_t row_tokens = 0;    // T: what a row holds; no item is longer
  int64_t batch_tokens = 0;  // of an optimizer step, at least T
  bool pack = true;          // false: one item a row, rows of a step about equally long
  uint64_t seed = 0;
};

/// Items by index.
using ItemRow = std::vector<uint32_t>;
/// The rows of an optimizer step.
using StepRows = std::vector<ItemRow>;

/// The steps of one epoch over items of the given lengths, each item in exactly one row: a pure
/// function of its arguments. The items are shuffled. Packed, each window of kPackWindow of them
/// is laid into rows by first-fit decreasing, and the rows are shuffled again; a step holds
/// batch_tokens / row_tokens rows, the last one what is left. Else each window is sorted by length
/// and cut into steps of which rows times longest row is at most batch_tokens, and the steps are
/// shuffled.
std::vector<StepRows> PlanEpoch(std::span<const int64_t> lengths, const PackingOptions& options,
                                uint32_t epoch);

/// Items that are packed among themselves: enough to fill rows to the brim, few enough that long
/// and short items of a large set stay mixed.
inline constexpr size_t kPackWindow = 4096;

}  // namespace meap
