// Rows of a fine-tuning batch: laid-out sequences side by side, ready for a model.
#pragma once

#include <cstdint>
#include <vector>

#include "objective/finetune.h"
#include "objective/rows.h"

namespace meap {

/// Which part of the loss a position's label is of: TrainingRows::regions of fine-tuning rows.
enum class LossRegion : uint8_t {
  kAnswer,  // U_q
  kMasked   // U_m
};

/// A sequence of one sample.
struct SampleSequence {
  int64_t sample_id = 0;
  FinetuneSequence sequence = {};
};

/// Appends a row of `length` positions that holds `sequences` one after another; each keeps its
/// positions and attends to itself alone, what is left over is padding (`pad_id`, segment
/// kPadSegment, sample -1, no label). From here on a label stands where it is predicted, one
/// position before the token it names, as everywhere else.
void AppendFinetuneRow(const std::vector<SampleSequence>& sequences, int64_t length, int32_t pad_id,
                       TrainingRows& out);

}  // namespace meap
