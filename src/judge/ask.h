// Asks the judges: several at once, each with several requests under way, retried with pauses, and
// every reply on disk before it counts.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/error.h"
#include "judge/judges.h"
#include "judge/reply_cache.h"

namespace meap {

/// How one judge fared.
struct AskReport {
  size_t asked = 0;        // requests that were answered now
  size_t tries_again = 0;  // tries that failed and were repeated
  size_t prompt_tokens = 0;
  size_t reply_tokens = 0;
  size_t refused = 0;  // dialogues that the server will never answer (HTTP 400 and the like)
  std::string last_failure = {};
};

struct AskOptions {
  bool repair = true;
  /// Dialogues that fail one after another, all tries used up, before a judge is given up. One that
  /// is refused is no failure: the server is there.
  size_t give_up_after = 3;
};

/// Outcome of asking all judges.
struct AskOutcome {
  std::vector<AskReport> reports = {};   // one a judge
  std::optional<ExitCode> stopped = {};  // by SIGINT or SIGTERM: replies under way were kept
};

/// Has every judge give its opinion on every prompt (different from each other), into the cache.
/// What fails is counted, not thrown; a key that is missing or a disk that is full throws. SIGINT
/// and SIGTERM let the requests under way finish and begin no others.
AskOutcome AskJudges(const std::vector<Judge>& judges, const std::vector<std::string>& prompts,
                     ReplyCache& cache, const AskOptions& options);

/// Seconds to wait after the `failed`-th failed try (from 1) of a request: what the server asks
/// for, else backoff * 2^(failed - 1), at most a minute, and up to a quarter more so that requests
/// that failed together do not come again together. `key` decides on the quarter.
double PauseBeforeRetry(const Judge& judge, int64_t failed, std::optional<double> retry_after,
                        const std::string& key);

}  // namespace meap
