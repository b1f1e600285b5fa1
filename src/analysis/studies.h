// The measures over a corpus: mask effect (mask_effect.h) and profile (profile.h) of a model at
// several lengths and ratios. Shapes: W windows, L layers, H heads.
#pragma once

#include <vector>

#include "analysis/mask_effect.h"
#include "analysis/profile.h"
#include "analysis/token_windows.h"

namespace meap {

/// One model at one length and ratio.
struct MaskEffect {
  int64_t length = 0;
  double ratio = 0;
  std::vector<std::vector<int32_t>> masked;  // positions in each window, ascending
  MaskStatistics original = {};              // of X; R is W here
  MaskStatistics with_masks = {};            // of X'

  int64_t windows() const { return static_cast<int64_t>(masked.size()); }
};

/// Every length with every ratio, lengths outermost. The masks of window w are those that
/// pre-training draws for sample w of epoch 0: MaskInputs() under `seed`. A ratio that masks
/// nothing, or all but one token, of some length is an InputError; so is a model whose tokenizer
/// has no [MASK].
std::vector<MaskEffect> MeasureMaskEffects(const LoadedModel& loaded,
                                           const std::vector<int32_t>& stream,
                                           const CorpusOptions& corpus,
                                           const std::vector<double>& ratios, uint64_t seed);

/// One model at one length.
struct AttentionProfile {
  int64_t length = 0;
  ProfileStatistics statistics;  // R is W here
};
std::vector<AttentionProfile> MeasureProfiles(const LoadedModel& loaded,
                                              const std::vector<int32_t>& stream,
                                              const CorpusOptions& corpus);

}  // namespace meap
