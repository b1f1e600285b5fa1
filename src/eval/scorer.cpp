#include "eval/scorer.h"

#include "core/console.h"
#include "core/error.h"
#include "core/signals.h"
#include "eval/request_cache.h"

namespace meap {

std::vector<Response> RunRequests(Scorer& scorer, std::span<const Request> requests,
                                  const std::string& label, RequestCache* cache,
                                  std::string_view model, RunCounts& counts) {
  std::vector<std::optional<Response>> responses(requests.size());
  std::vector<std::string> keys(requests.size());
  size_t cached = 0;
  for (size_t i = 0; cache != nullptr && i < requests.size(); ++i) {
    keys[i] = RequestKey(requests[i], model);
    if (const Response* found = cache->Find(keys[i]); found != nullptr) {
      responses[i] = *found;
      ++cached;
    }
  }
  counts.cached += cached;
  counts.computed += requests.size() - cached;
  if (cached > 0) {
    Note(label + ": " + std::to_string(cached) + " of " + std::to_string(requests.size()) +
         " requests were finished before");
  }
  ProgressBar bar(label, requests.size() - cached, "requests");
  size_t finished = 0;
  scorer.Run(requests, responses, [&](std::span<const size_t> batch) {
    std::vector<std::pair<std::string, Response>> entries;
    for (const size_t i : batch) {
      MEAP_CHECK(responses[i].has_value(), "a response for each request of a batch");
      entries.emplace_back(keys[i], *responses[i]);
    }
    if (cache != nullptr) cache->Append(entries);
    bar.Update(finished += batch.size());
    if (const auto code = SignalGuard::Requested()) {
      throw Error(*code,
                  {.what = "the evaluation was stopped",
                   .hint = cache != nullptr ? "the same command again goes on where it stopped"
                                            : "with --output it could go on where it stopped"});
    }
  });
  std::vector<Response> result;
  for (std::optional<Response>& response : responses) {
    MEAP_CHECK(response.has_value(), "a response for each request");
    result.push_back(std::move(*response));
  }
  return result;
}

}  // namespace meap
