// Threads that go through many small pieces of work together.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <utility>

namespace meap {

/// One parallel region for a whole chain of operators: at every step each member does its share and
/// meets the others. A meeting costs some tenths of a microsecond, entering a region some
/// microseconds.
class Team {
 public:
  /// One thread of the team, 0 <= index().
  class Member {
   public:
    Member(Team& team, int index) : team_(team), index_(index) {}
    int index() const { return index_; }
    /// This member's part [begin, end) of `items`, cut at multiples of `unit`.
    std::pair<int64_t, int64_t> Share(int64_t items, int64_t unit = 1) const;
    /// Calls work(begin, end) until all `items` are done: first for this member's part of the most,
    /// then for small pieces of the rest, which go to whoever is free. `taken` begins at 0 and is
    /// for this work alone.
    template <class Work>
    void Divide(int64_t items, int64_t unit, std::atomic<int64_t>& taken, const Work& work) const {
      const int64_t most = Most(items, unit);
      const auto [begin, end] = Share(most, unit);
      if (begin < end) work(begin, end);
      const int64_t pieces = 8 * team_.size_;
      const int64_t piece = ((items - most) / pieces / unit + 1) * unit;
      for (;;) {
        const int64_t first = most + taken.fetch_add(piece, std::memory_order_relaxed);
        if (first >= items) return;
        work(first, std::min(items, first + piece));
      }
    }
    /// What this member reads next: while it waits for the others, it has the memory brought here.
    void Expect(std::span<const std::byte> memory);
    /// Returns when all members have come here; what they wrote before is seen by all.
    void Meet();

   private:
    void Fetch();

    Team& team_;
    int index_;
    std::span<const std::byte> expected_;
  };

  /// The items that Divide gives to fixed members; the rest is what their speeds may differ by.
  static constexpr int64_t Most(int64_t items, int64_t unit) { return items * 3 / 4 / unit * unit; }

  /// Runs `work` once on each of as many threads as libtorch's operators use. It must not throw.
  static void Run(const std::function<void(Member&)>& work);

 private:
  int size_ = 1;
  std::atomic<int> arrived_ = 0;
  std::atomic<uint32_t> meetings_ = 0;
};

}  // namespace meap
