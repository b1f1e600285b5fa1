// Who answers requests: a model, or something made up in tests.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "eval/request.h"

namespace meap {

class RequestCache;

class Scorer {
 public:
  virtual ~Scorer() = default;
  /// Called after each batch with the requests that it answered, by index.
  using BatchDone = std::function<void(std::span<const size_t> requests)>;
  /// Answers the requests that have no response yet. How they are batched does not depend on which
  /// have one, so that an evaluation that was stopped and goes on gives the same bits.
  virtual void Run(std::span<const Request> requests, std::span<std::optional<Response>> responses,
                   const BatchDone& done) = 0;
};

/// How many requests were answered, and how.
struct RunCounts {
  size_t computed = 0;
  size_t cached = 0;
};

/// Answers all requests, those that `cache` (may be nullptr) has from there, and adds the others to
/// it. `model` goes into the keys. Shows progress under `label`. SIGINT or SIGTERM (under a
/// SignalGuard) end it after a batch with an Error of that exit code.
std::vector<Response> RunRequests(Scorer& scorer, std::span<const Request> requests,
                                  const std::string& label, RequestCache* cache,
                                  std::string_view model, RunCounts& counts);

}  // namespace meap
