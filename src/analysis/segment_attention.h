// How much attention each segment of a text gets: the paper's figure of the Eiffel Tower. Shapes as
// in attention_stream.h; L layers, C segments.
#pragma once

#include <ATen/core/Tensor.h>

#include "analysis/attention_stream.h"
#include "analysis/segmented_text.h"
#include "infer/loaded_model.h"

namespace meap {

/// Mean attention of some queries of one sequence on each segment.
class SegmentObserver : public AttentionObserver {
 public:
  /// `segment` of each token, below `segments`.
  SegmentObserver(const std::vector<int64_t>& segment, int64_t segments, int64_t layers,
                  int64_t heads, at::Device device);

  void Observe(const AttentionBlock& block) override;
  /// Mean over the queries seen; a head's shares sum to 1. f64, on the CPU.
  at::Tensor Shares() const;  // [L, H, C]

 private:
  at::Tensor segment_TC_;  // f32: 1 where a token belongs to a segment
  at::Tensor sums_LHC_;    // f64
  int64_t queries_ = 0;    // of layer 0
};

/// Shares of the segments of a text, and of what the model then wrote.
struct SegmentShares {
  SegmentedTokens tokens;            // of the text and, as a segment "generated", of the answer
  std::vector<int64_t> counts = {};  // tokens in each segment
  at::Tensor last_token_LHC = {};    // from the text's last token
  std::string generated = {};        // the greedy answer's text, empty when none was asked for
  at::Tensor generated_LHC = {};     // from the answer's tokens, mean over them; else undefined
};

/// Shares from the last token of the text and, with `answer_tokens` > 0, from the tokens of a
/// greedy continuation of at most that many. A text longer than the model's context is an
/// InputError.
SegmentShares MeasureSegments(const LoadedModel& loaded, const std::vector<TextSegment>& segments,
                              int64_t answer_tokens);

}  // namespace meap
