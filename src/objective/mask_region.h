// Where a position stands to the masks before it: the parts that a run's loss is told apart by.
#pragma once

#include <cstdint>
#include <vector>

#include "objective/rows.h"

namespace meap {

enum class MaskRegion : uint8_t {
  kMasked,     // its own input was chosen
  kAfterMask,  // not chosen, but one of the kAfterMaskReach inputs before it was
  kElsewhere
};

inline constexpr int64_t kAfterMaskReach = 8;

/// The MaskRegion of each of the rows x T positions, as TrainingRows::regions holds it; masks reach
/// no further than their row and segment.
std::vector<uint8_t> MaskRegions(const TrainingRows& rows);

}  // namespace meap
