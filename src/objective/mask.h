// Which inputs MEAP masks. Paper section 3 (arXiv 2502.07490): a fixed share P of the T input
// positions, chosen at random, is replaced by [MASK]; the targets and the loss stay those of
// next-token prediction.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace meap {

/// Names one sequence of a run. Masks are a pure function of it, so they do not depend on ranks,
/// micro-batches or resume.
struct SampleKey {
  uint64_t seed = 0;    // the run's seed
  uint32_t epoch = 0;   // pass over the data: each draws fresh masks
  uint64_t sample = 0;  // index of the sequence in the data
};

/// Number of masked positions: floor(P * T), an exact count and not a coin for each token.
int64_t MaskCount(double ratio, int64_t length);

/// `count` <= length distinct positions of [0, length) in ascending order, every subset of that
/// size equally likely.
std::vector<int32_t> DrawPositions(int64_t count, int64_t length, const SampleKey& key);

/// MaskCount(ratio, length) of them: the masks of one sequence.
std::vector<int32_t> DrawMaskPositions(double ratio, int64_t length, const SampleKey& key);

/// Replaces the drawn positions of `inputs` (length T) by `mask_id`; the targets are not touched.
/// With ratio 0 nothing is drawn and nothing changes: MEAP is NTP. Returns the positions.
std::vector<int32_t> MaskInputs(double ratio, int32_t mask_id, const SampleKey& key,
                                std::span<int32_t> inputs);

}  // namespace meap
