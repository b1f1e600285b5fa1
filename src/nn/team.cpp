#include "nn/team.h"

#include <ATen/Parallel.h>
#include <hwy/cache_control.h>
#include <omp.h>

#include <algorithm>

namespace meap {
namespace {

/// Looks before a waiting thread gives its core away: some 20 microseconds, as OpenMP waits under
/// WaitWithoutSpinning.
constexpr int kLooks = 1000;

/// What is fetched beforehand stays in the core's own cache.
constexpr size_t kMostExpected = size_t{1} << 17;

constexpr size_t kCacheLine = 64;
constexpr size_t kLinesALook = 8;

}  // namespace

std::pair<int64_t, int64_t> Team::Member::Share(int64_t items, int64_t unit) const {
  const int64_t units = (items + unit - 1) / unit;
  const auto cut = [&](int64_t i) { return std::min(items, units * i / team_.size_ * unit); };
  return {cut(index_), cut(index_ + 1)};
}

void Team::Run(const std::function<void(Member&)>& work) {
  Team team;
#pragma omp parallel num_threads(at::get_num_threads())
  {
#pragma omp single
    team.size_ = omp_get_num_threads();  // there may be fewer than were asked for
    Member member(team, omp_get_thread_num());
    work(member);
  }
}

void Team::Member::Expect(std::span<const std::byte> memory) {
  expected_ = memory.first(std::min(memory.size(), kMostExpected));
}

void Team::Member::Fetch() {
  for (size_t line = 0; line < kLinesALook && !expected_.empty(); ++line) {
    hwy::Prefetch(expected_.data());
    expected_ = expected_.subspan(std::min(expected_.size(), kCacheLine));
  }
}

void Team::Member::Meet() {
  std::atomic<uint32_t>& meetings = team_.meetings_;
  const uint32_t meeting = meetings.load(std::memory_order_acquire);
  if (team_.arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == team_.size_) {
    team_.arrived_.store(0, std::memory_order_relaxed);
    // Sequentially consistent: notify_all reads whether anybody sleeps, and must not do it before.
    meetings.store(meeting + 1);
    meetings.notify_all();
    return;
  }
  for (int look = 0; look < kLooks; ++look) {
    if (meetings.load(std::memory_order_acquire) != meeting) return;
    Fetch();
    hwy::Pause();
  }
  meetings.wait(meeting, std::memory_order_acquire);
}

}  // namespace meap
