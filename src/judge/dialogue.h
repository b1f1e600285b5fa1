// What is said to a judge about one summary: the question and, where the reply has no verdict, one
// round of repair. A pure function of the replies so far, so that a stopped run goes on anywhere.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "evaltext/summaries.h"
#include "judge/judges.h"
#include "judge/reply_cache.h"

namespace meap {

/// The body of a chat completion, and the key of its reply in the cache: a hash of the judge's URL
/// and the body.
struct JudgeRequest {
  nlohmann::ordered_json body;
  std::string key;
};

/// What a judge says of a summary.
struct Opinion {
  Verdict verdict = Verdict::kUndecided;
  std::string reply;      // the one with the verdict, or the last
  bool repaired = false;  // the first reply had no verdict
};

/// Where the dialogue about one summary stands: a request to be made, or the opinion.
struct DialogueStep {
  std::optional<JudgeRequest> request;
  Opinion opinion = {};  // once there is no request
};

/// The next step on a prompt (JudgePrompt) given the replies in the cache. Without `repair` a reply
/// without a verdict stays undecided.
DialogueStep NextStep(const Judge& judge, const std::string& prompt, const ReplyCache& cache,
                      bool repair);

}  // namespace meap
