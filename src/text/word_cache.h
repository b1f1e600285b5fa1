// Remembers how words were encoded: most words of a text have been seen before.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "text/id_buffer.h"

namespace meap {

/// A table of fixed size (2 MiB) from words to ids. Words or results too long for an entry are not
/// kept. One per thread at a time: not thread-safe.
class WordCache {
 public:
  WordCache() : entries_(size_t{1} << kBits) {}

  /// Appends the ids of `word` to `out` when they are known.
  bool Find(std::string_view word, uint64_t hash, IdBuffer& out) const {
    if (word.size() > kKeyBytes) return false;
    const Entry* set = &entries_[Set(hash)];
    for (int way = 0; way < kWays; ++way) {
      const Entry& entry = set[way];
      if (entry.length == word.size() && Equal(entry.key, word.data(), word.size())) {
        std::memcpy(out.Room(kIds), entry.ids, sizeof entry.ids);
        out.Add(entry.count);
        return true;
      }
    }
    return false;
  }

  /// Keeps the ids of a word that Find() did not know; the older entry of its set makes room.
  void Insert(std::string_view word, uint64_t hash, const int32_t* ids, size_t count) {
    if (word.size() > kKeyBytes || word.empty() || count > kIds) return;
    Entry* set = &entries_[Set(hash)];
    set[1] = set[0];
    set[0].length = static_cast<uint8_t>(word.size());
    set[0].count = static_cast<uint8_t>(count);
    std::memcpy(set[0].key, word.data(), word.size());
    if (count > 0) std::memcpy(set[0].ids, ids, count * sizeof *ids);
  }

 private:
  static constexpr int kBits = 15;
  static constexpr int kWays = 2;
  static constexpr size_t kKeyBytes = 30;
  static constexpr size_t kIds = 8;
  struct alignas(64) Entry {
    int32_t ids[kIds];
    uint8_t length = 0;  // 0: empty
    uint8_t count = 0;
    char key[kKeyBytes];
  };
  static_assert(sizeof(Entry) == 64);

  /// memcmp() == 0 without the call, which would cost more than the comparison.
  static bool Equal(const char* a, const char* b, size_t size) {
    const auto differ = [&]<typename Chunk>(Chunk x, size_t at) {
      Chunk y;
      std::memcpy(&x, a + at, sizeof x);
      std::memcpy(&y, b + at, sizeof y);
      return x ^ y;
    };
    if (size >= 8) {
      uint64_t difference = differ(uint64_t{}, size - 8);
      for (size_t at = 0; at + 8 < size; at += 8) difference |= differ(uint64_t{}, at);
      return difference == 0;
    }
    if (size >= 4) return (differ(uint32_t{}, 0) | differ(uint32_t{}, size - 4)) == 0;
    for (size_t at = 0; at < size; ++at) {
      if (a[at] != b[at]) return false;
    }
    return true;
  }

  static size_t Set(uint64_t hash) { return (hash >> (64 - kBits)) & ~size_t{kWays - 1}; }

  std::vector<Entry> entries_;
};

}  // namespace meap
