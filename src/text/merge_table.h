// The merges of a BPE model: which two neighbours join, in which order, into what.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

namespace meap {

inline constexpr uint32_t kNoMerge = 0xFFFFFFFFu;

/// Pairs of ids to (rank, id of the joined token). A pair set twice has the last rank.
class MergeTable {
 public:
  struct Merge {
    uint32_t rank = kNoMerge;
    int32_t id = -1;
  };

  explicit MergeTable(size_t expected)
      : shift_(64 - std::countr_zero(std::bit_ceil(expected * 2 + 2))),
        slots_(std::bit_ceil(expected * 2 + 2)) {}

  /// At most `expected` different pairs may be set.
  void Set(int32_t left, int32_t right, Merge merge) {
    Slot& slot = slots_[Locate(left, right)];
    slot = {left, right, merge};
  }
  /// The merge of a pair, rank kNoMerge where there is none.
  Merge Find(int32_t left, int32_t right) const { return slots_[Locate(left, right)].merge; }

 private:
  struct Slot {
    int32_t left = -1;
    int32_t right = -1;
    Merge merge;
  };

  size_t Locate(int32_t left, int32_t right) const {
    const uint64_t key = uint64_t{static_cast<uint32_t>(left)} << 32 | static_cast<uint32_t>(right);
    size_t slot = ((key ^ (key >> 29)) * 0x9E3779B97F4A7C15u) >> shift_;
    while (slots_[slot].left != -1 && (slots_[slot].left != left || slots_[slot].right != right)) {
      slot = (slot + 1) & (slots_.size() - 1);
    }
    return slot;
  }

  int shift_;
  std::vector<Slot> slots_;
};

}  // namespace meap
