#include "judge/ask.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>

#include "core/console.h"
#include "core/signals.h"
#include "judge/chat_client.h"
#include "judge/dialogue.h"

namespace meap {
namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

Clock::duration Ticks(double seconds) {
  return std::chrono::duration_cast<Clock::duration>(Seconds(seconds));
}

/// What the threads of all judges share.
struct Shared {
  std::mutex mutex;
  std::condition_variable changed;
  size_t done = 0;  // dialogues that ended, well or not
  size_t threads = 0;
  bool stop = false;
  std::exception_ptr error = nullptr;
};

/// One judge's work. All state is under the shared mutex but while a request is under way.
class JudgeQueue {
 public:
  JudgeQueue(const Judge& judge, const std::vector<std::string>& prompts, ReplyCache& cache,
             const AskOptions& options, Shared& shared)
      : judge_(judge), cache_(cache), options_(options), shared_(shared), key_(ApiKey(judge)) {
    for (const std::string& prompt : prompts) {
      if (NextStep(judge, prompt, cache, options.repair).request) open_.push_back(&prompt);
    }
  }

  size_t open() const { return open_.size(); }
  const Judge& judge() const { return judge_; }

  /// Takes one prompt after the other; run by each of the judge's threads.
  void Work() {
    ChatClient client(judge_, key_);
    std::unique_lock lock(shared_.mutex);
    while (!shared_.stop && !given_up_ && next_ < open_.size()) {
      const std::string& prompt = *open_[next_++];
      const Course course = Talk(client, prompt, lock);
      if (course == Course::kFailed && shared_.stop) break;
      if (course == Course::kRefused) ++report_.refused;
      // A refusal is an answer, too: the server is there.
      failures_in_a_row_ = course == Course::kFailed ? failures_in_a_row_ + 1 : 0;
      if (failures_in_a_row_ >= options_.give_up_after) GiveUp();
      ++shared_.done;
      shared_.changed.notify_all();
    }
  }

  const AskReport& report() const { return report_; }

 private:
  /// What became of a request or a dialogue.
  enum class Course {
    kDone,     // answered
    kRefused,  // the server will never answer this
    kFailed,   // tried as often as may be, or the run stopped
  };

  /// A dialogue to its end, or to a request that is not answered.
  Course Talk(ChatClient& client, const std::string& prompt, std::unique_lock<std::mutex>& lock) {
    for (;;) {
      const DialogueStep step = NextStep(judge_, prompt, cache_, options_.repair);
      if (!step.request) return Course::kDone;
      const Course course = Request(client, *step.request, lock);
      if (course != Course::kDone) return course;
    }
  }

  /// One request, as often as needed.
  Course Request(ChatClient& client, const JudgeRequest& request,
                 std::unique_lock<std::mutex>& lock) {
    for (int64_t attempt = 1;; ++attempt) {
      if (!WaitForTurn(lock)) return Course::kFailed;
      lock.unlock();
      const ChatOutcome outcome = client.Ask(request.body);
      if (outcome.kind == ChatOutcome::Kind::kReply) Keep(request, outcome);
      lock.lock();
      if (outcome.kind == ChatOutcome::Kind::kReply) {
        Count(outcome);
        return Course::kDone;
      }
      report_.last_failure = outcome.text;
      if (outcome.kind == ChatOutcome::Kind::kRefused) return Course::kRefused;
      if (outcome.kind == ChatOutcome::Kind::kNoService) GiveUp();
      if (given_up_ || attempt >= judge_.attempts) return Course::kFailed;
      ++report_.tries_again;
      const double pause = PauseBeforeRetry(judge_, attempt, outcome.retry_after, request.key);
      const auto until = Clock::now() + Ticks(pause);
      // A server that names a time means all requests, not this one alone.
      if (outcome.retry_after) not_before_ = std::max(not_before_, until);
      if (!WaitUntil(until, lock)) return Course::kFailed;
    }
  }

  /// Until this judge takes another request; false when the run stops before.
  bool WaitForTurn(std::unique_lock<std::mutex>& lock) {
    while (Clock::now() < not_before_) {
      if (!WaitUntil(not_before_, lock)) return false;
    }
    if (judge_.requests_per_minute > 0) {
      const auto turn = std::max(Clock::now(), next_turn_);
      next_turn_ = turn + Ticks(60.0 / static_cast<double>(judge_.requests_per_minute));
      return WaitUntil(turn, lock);
    }
    return !shared_.stop && !given_up_;
  }

  bool WaitUntil(Clock::time_point until, std::unique_lock<std::mutex>& lock) {
    const auto interrupted = [this] { return shared_.stop || given_up_; };
    return !shared_.changed.wait_until(lock, until, interrupted);
  }

  void Keep(const JudgeRequest& request, const ChatOutcome& outcome) {
    nlohmann::ordered_json about = {{"judge", judge_.name}, {"model", judge_.model}};
    if (outcome.usage.is_object()) about["usage"] = outcome.usage;
    cache_.Store(request.key, outcome.text, about);
  }

  void Count(const ChatOutcome& outcome) {
    ++report_.asked;
    const auto tokens = [&](const char* name) -> size_t {
      if (!outcome.usage.is_object() || !outcome.usage.contains(name)) return 0;
      const auto& value = outcome.usage.at(name);
      return value.is_number_unsigned() ? value.get<size_t>() : 0;
    };
    report_.prompt_tokens += tokens("prompt_tokens");
    report_.reply_tokens += tokens("completion_tokens");
  }

  void GiveUp() {
    if (given_up_) return;
    given_up_ = true;
    shared_.changed.notify_all();
  }

  const Judge& judge_;
  ReplyCache& cache_;
  const AskOptions& options_;
  Shared& shared_;
  std::string key_;
  std::vector<const std::string*> open_;  // prompts whose dialogue is not finished
  size_t next_ = 0;
  size_t failures_in_a_row_ = 0;
  bool given_up_ = false;
  Clock::time_point not_before_ = {};
  Clock::time_point next_turn_ = {};
  AskReport report_;
};

/// Runs Work() and hands what it throws to the caller of AskJudges.
void RunThread(JudgeQueue& queue, Shared& shared) {
  try {
    queue.Work();
  } catch (...) {
    const std::lock_guard lock(shared.mutex);
    if (!shared.error) shared.error = std::current_exception();
    shared.stop = true;
  }
  const std::lock_guard lock(shared.mutex);
  --shared.threads;
  shared.changed.notify_all();
}

/// Shows progress until all threads have ended; a signal makes them end early.
std::optional<ExitCode> Watch(Shared& shared, size_t total) {
  ProgressBar bar("judging", total, "verdicts");
  std::optional<ExitCode> stopped;
  std::unique_lock lock(shared.mutex);
  while (shared.threads > 0) {
    shared.changed.wait_for(lock, std::chrono::milliseconds(200));
    bar.Update(shared.done);
    stopped = SignalGuard::Requested();
    if (stopped && !shared.stop) {
      shared.stop = true;
      shared.changed.notify_all();
      Note("stopping: the requests under way are waited for (the same signal again ends at once)");
    }
  }
  return stopped;
}

}  // namespace

double PauseBeforeRetry(const Judge& judge, int64_t failed, std::optional<double> retry_after,
                        const std::string& key) {
  constexpr double kLongest = 60;
  constexpr double kLongestAskedFor = 3600;
  const auto doublings = static_cast<int>(std::min<int64_t>(failed - 1, 20));
  const double pause = retry_after ? std::min(*retry_after, kLongestAskedFor)
                                   : std::min(std::ldexp(judge.backoff, doublings), kLongest);
  const std::string seed = key + std::to_string(failed);
  const double draw = static_cast<double>(Hash64(seed.data(), seed.size()) >> 11) / 0x1p53;
  return pause * (1 + draw / 4);
}

AskOutcome AskJudges(const std::vector<Judge>& judges, const std::vector<std::string>& prompts,
                     ReplyCache& cache, const AskOptions& options) {
  Shared shared;
  std::vector<std::unique_ptr<JudgeQueue>> queues;
  size_t total = 0;
  for (const Judge& judge : judges) {
    queues.push_back(std::make_unique<JudgeQueue>(judge, prompts, cache, options, shared));
    total += queues.back()->open();
    Note(fmt::format("{}: {} of {} verdicts to be asked for, {} in the cache", judge.name,
                     queues.back()->open(), prompts.size(),
                     prompts.size() - queues.back()->open()));
  }
  AskOutcome outcome;
  const SignalGuard signals;
  std::vector<std::jthread> threads;
  for (const auto& queue : queues) {
    const size_t count = std::min(static_cast<size_t>(queue->judge().concurrency), queue->open());
    shared.threads += count;
  }
  for (const auto& queue : queues) {
    const size_t count = std::min(static_cast<size_t>(queue->judge().concurrency), queue->open());
    for (size_t i = 0; i < count; ++i) {
      threads.emplace_back([&queue, &shared] { RunThread(*queue, shared); });
    }
  }
  if (total > 0) outcome.stopped = Watch(shared, total);
  threads.clear();
  if (shared.error) std::rethrow_exception(shared.error);
  for (const auto& queue : queues) outcome.reports.push_back(queue->report());
  return outcome;
}

}  // namespace meap
