// Items made ahead of their use by one background thread.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>

namespace meap {

/// Calls make(first), make(first + 1), ... make(last) in a background thread, up to `depth` ahead
/// of Next(), which hands the items out in that order. What make() throws comes out of the Next()
/// of its item, and of every later one.
template <class Item>
class Prefetcher {
 public:
  Prefetcher(std::function<Item(int64_t)> make, int64_t first, int64_t last, size_t depth = 4)
      : make_(std::move(make)),
        depth_(depth),
        thread_([this, first, last](const std::stop_token& stop) { Run(stop, first, last); }) {}
  Prefetcher(const Prefetcher&) = delete;
  Prefetcher& operator=(const Prefetcher&) = delete;
  ~Prefetcher() {
    thread_.request_stop();
    thread_.join();
  }

  /// The next item; at most last - first + 1 calls.
  Item Next() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !ready_.empty(); });
    if (ready_.front().failure) std::rethrow_exception(ready_.front().failure);  // and stays there
    Item item = std::move(ready_.front().item);
    ready_.pop_front();
    changed_.notify_all();
    return item;
  }

 private:
  struct Slot {
    Item item = {};
    std::exception_ptr failure = nullptr;
  };

  void Run(const std::stop_token& stop, int64_t first, int64_t last) {
    for (int64_t i = first; i <= last; ++i) {
      Slot slot;
      try {
        slot.item = make_(i);
      } catch (...) {
        slot.failure = std::current_exception();
      }
      const bool failed = slot.failure != nullptr;
      std::unique_lock lock(mutex_);
      if (!changed_.wait(lock, stop, [&] { return ready_.size() < depth_; })) return;
      ready_.push_back(std::move(slot));
      changed_.notify_all();
      if (failed) return;
    }
  }

  std::function<Item(int64_t)> make_;
  size_t depth_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Slot> ready_;
  std::jthread thread_;  // last: it uses all above
};

}  // namespace meap
