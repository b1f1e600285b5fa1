// Judging without a connection: requests as files of the OpenAI batch API, and its replies back.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "judge/judges.h"
#include "judge/reply_cache.h"

namespace meap {

/// One judge's file of requests.
struct BatchFile {
  std::string judge;
  fs::path file;
  size_t requests = 0;  // 0: nothing is open, and there is no file
};

/// Writes FOLDER/JUDGE.jsonl for each judge with the requests that the cache has no reply to, one a
/// dialogue: the question, or the repair of a reply without a verdict.
std::vector<BatchFile> WriteBatches(const std::vector<Judge>& judges,
                                    const std::vector<std::string>& prompts,
                                    const ReplyCache& cache, bool repair, const fs::path& folder);

/// What became of a file of replies.
struct BatchReplies {
  size_t kept = 0;     // replies that went into the cache
  size_t failed = 0;   // requests that the server did not answer
  size_t unknown = 0;  // replies to requests that nobody here makes, or that were answered before
  std::map<std::string, size_t> refused = {};  // open requests that were refused, by judge
  std::string last_failure = {};
};

/// Reads files of replies into the cache. A line that is no reply of a batch is an InputError.
BatchReplies ReadBatchReplies(const std::vector<fs::path>& files, const std::vector<Judge>& judges,
                              const std::vector<std::string>& prompts, ReplyCache& cache,
                              bool repair);

}  // namespace meap
