// The merge loop of BPE, in a form for short words and one for long ones.
#include <algorithm>
#include <cstring>

#include "text/bpe_model.h"

namespace meap {
namespace {

// Up to this many symbols a scan for the lowest rank beats a heap.
constexpr size_t kShortWord = 40;
constexpr uint32_t kNone = 0xFFFFFFFFu;

size_t MergeShort(const MergeTable& merges, int32_t* symbols, size_t count) {
  uint32_t ranks[kShortWord];
  int32_t joined[kShortWord];
  const auto look = [&](size_t i) {
    const MergeTable::Merge merge = merges.Find(symbols[i], symbols[i + 1]);
    ranks[i] = merge.rank;
    joined[i] = merge.id;
  };
  for (size_t i = 0; i + 1 < count; ++i) look(i);
  while (count > 1) {
    size_t best = 0;
    for (size_t i = 1; i + 1 < count; ++i) {
      if (ranks[i] < ranks[best]) best = i;
    }
    if (ranks[best] == kNoMerge) break;
    symbols[best] = joined[best];
    const size_t moved = count - best - 2;
    std::memmove(symbols + best + 1, symbols + best + 2, moved * sizeof *symbols);
    if (moved > 0) {
      std::memmove(ranks + best, ranks + best + 1, moved * sizeof *ranks);
      std::memmove(joined + best, joined + best + 1, moved * sizeof *joined);
    }
    --count;
    if (best + 1 < count) look(best);
    if (best > 0) look(best - 1);
  }
  return count;
}

/// O(n log n): symbols in a linked list, candidate merges in a heap by (rank, position). An entry
/// whose pair has changed since is known by its rank, which differs from the pair's rank now.
size_t MergeLong(const MergeTable& merges, int32_t* symbols, size_t count, BpeScratch& scratch) {
  std::vector<uint64_t>& heap = scratch.heap;
  std::vector<uint32_t>& next = scratch.next;
  std::vector<uint32_t>& previous = scratch.previous;
  std::vector<uint32_t>& ranks = scratch.ranks;
  next.resize(count);
  previous.resize(count);
  ranks.assign(count, kNoMerge);
  heap.clear();
  const auto lower_first = std::greater<uint64_t>();
  const auto look = [&](uint32_t i) {
    ranks[i] = next[i] == kNone ? kNoMerge : merges.Find(symbols[i], symbols[next[i]]).rank;
    return ranks[i] != kNoMerge;
  };
  const auto entry = [&](uint32_t i) { return uint64_t{ranks[i]} << 32 | i; };
  for (uint32_t i = 0; i < count; ++i) {
    next[i] = i + 1 < count ? i + 1 : kNone;
    previous[i] = i > 0 ? i - 1 : kNone;
    if (look(i)) heap.push_back(entry(i));
  }
  std::make_heap(heap.begin(), heap.end(), lower_first);
  const auto push = [&](uint32_t i) {
    if (!look(i)) return;
    heap.push_back(entry(i));
    std::push_heap(heap.begin(), heap.end(), lower_first);
  };
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), lower_first);
    const auto at = static_cast<uint32_t>(heap.back());
    const auto rank = static_cast<uint32_t>(heap.back() >> 32);
    heap.pop_back();
    if (ranks[at] != rank) continue;
    const uint32_t gone = next[at];
    symbols[at] = merges.Find(symbols[at], symbols[gone]).id;
    symbols[gone] = -1;
    ranks[gone] = kNoMerge;
    next[at] = next[gone];
    if (next[at] != kNone) previous[next[at]] = at;
    push(at);
    if (previous[at] != kNone) push(previous[at]);
  }
  return static_cast<size_t>(std::remove(symbols, symbols + count, -1) - symbols);
}

}  // namespace

size_t MergeSymbols(const MergeTable& merges, int32_t* symbols, size_t count, BpeScratch& scratch) {
  if (count < 2) return count;
  return count <= kShortWord ? MergeShort(merges, symbols, count)
                             : MergeLong(merges, symbols, count, scratch);
}

}  // namespace meap
