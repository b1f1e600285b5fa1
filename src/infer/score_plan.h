// How requests to the scorer become batches: requests that begin alike share the computation of
// their common beginning.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace meap {

/// One question to the scorer: how likely is `continuation` after `context`, in tokens.
struct ScoreRequest {
  std::vector<int32_t> context;       // at least one token
  std::vector<int32_t> continuation;  // without tokens there is nothing to compute
};

/// What one request adds to its tree. The model is fed the trunk, then `tokens`; of these rows the
/// last targets.size() are judged, one target each.
struct ScoreBranch {
  size_t request = 0;            // index into the requests
  std::vector<int32_t> tokens;   // may be empty
  std::vector<int32_t> targets;  // the tail of the continuation
};

/// Requests with a common beginning, which is computed once. A request alone is all trunk.
struct ScoreTree {
  std::vector<int32_t> trunk;  // at least one token
  std::vector<ScoreBranch> branches;

  int64_t tokens() const;  // that are computed
};

using ScoreBatch = std::vector<ScoreTree>;

/// Cuts requests to `max_length` fed tokens (of a longer one the left is lost first, as the harness
/// has it), joins neighbours that begin alike, and packs the trees, longest first, into batches of
/// at most `batch_tokens` (a tree above that is a batch of its own). A request without a
/// continuation is in none of them. A pure function: the same requests give the same batches.
std::vector<ScoreBatch> PlanScoreBatches(std::span<const ScoreRequest> requests, int64_t max_length,
                                         int64_t batch_tokens);

/// True when a request does not fit: its context loses tokens from the left.
bool IsTruncated(const ScoreRequest& request, int64_t max_length);

/// True when not even the continuation fits: it loses tokens, too, and is scored in part.
bool IsContinuationTruncated(const ScoreRequest& request, int64_t max_length);

}  // namespace meap
