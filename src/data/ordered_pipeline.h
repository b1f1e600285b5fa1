// Serial read, parallel work, serial write in the order of reading.
#pragma once

#include <condition_variable>
#include <exception>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace meap {

/// The stages of RunOrdered. `produce` and `consume` are each called by one thread at a time, in
/// the same order; `transform` by many at once.
template <class Block>
struct PipelineStages {
  std::function<bool(Block&)> produce;  // false: nothing is left
  std::function<void(Block&)> transform;
  std::function<void(Block&)> consume;
  std::function<size_t(const Block&)> weight;  // what a block counts against max_weight
};

/// Runs blocks through the stages on `threads` threads, the caller's included. No new block is read
/// while those under way weigh `max_weight` or more. The first exception stops all and is rethrown;
/// no stage sees a block after the one that failed in it.
template <class Block>
void RunOrdered(int threads, size_t max_weight, const PipelineStages<Block>& stages) {
  struct Pending {
    Block block;
    size_t weight;
  };
  std::mutex input_mutex;   // held while producing
  std::mutex output_mutex;  // held while consuming
  std::mutex state_mutex;   // guards under_way, failure
  std::condition_variable lighter;
  size_t under_way = 0;
  std::exception_ptr failure;
  bool ended = false;                // guarded by input_mutex
  uint64_t produced = 0;             // guarded by input_mutex
  uint64_t consumed = 0;             // guarded by output_mutex
  std::map<uint64_t, Pending> done;  // guarded by output_mutex

  const auto failed = [&] {
    const std::scoped_lock state(state_mutex);
    return failure != nullptr;
  };
  /// Runs a part of a stage, under the stage's mutex if it has one, unless something failed before;
  /// false when it did or does.
  const auto guarded = [&](const auto& part) {
    if (failed()) return false;
    try {
      part();
      return true;
    } catch (...) {
      const std::scoped_lock state(state_mutex);
      if (!failure) failure = std::current_exception();
      lighter.notify_all();
      return false;
    }
  };

  /// The next block with its number; nothing at the end or after a failure.
  const auto take = [&]() -> std::optional<std::pair<uint64_t, Pending>> {
    const std::scoped_lock input(input_mutex);
    {
      std::unique_lock state(state_mutex);
      lighter.wait(state, [&] { return failure != nullptr || under_way < max_weight; });
      if (failure) return std::nullopt;
    }
    Pending pending{};
    if (ended || !guarded([&] { ended = !stages.produce(pending.block); }) || ended) {
      return std::nullopt;
    }
    pending.weight = stages.weight(pending.block);
    const std::scoped_lock state(state_mutex);
    under_way += pending.weight;
    return std::pair(produced++, std::move(pending));
  };

  /// Consumes what stands next in order.
  const auto give = [&](uint64_t number, Pending pending) {
    const std::scoped_lock output(output_mutex);
    done.emplace(number, std::move(pending));
    for (auto first = done.begin(); first != done.end() && first->first == consumed;
         first = done.begin()) {
      if (!guarded([&] { stages.consume(first->second.block); })) return false;
      {
        const std::scoped_lock state(state_mutex);
        under_way -= first->second.weight;
      }
      lighter.notify_all();
      done.erase(first);
      ++consumed;
    }
    return true;
  };

  const auto work = [&] {
    while (auto taken = take()) {
      if (!guarded([&] { stages.transform(taken->second.block); })) return;
      if (!give(taken->first, std::move(taken->second))) return;
    }
  };
  {
    std::vector<std::jthread> pool;
    for (int i = 1; i < threads; ++i) pool.emplace_back(work);
    work();
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace meap
