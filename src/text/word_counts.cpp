#include "text/word_counts.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <future>

#include "core/parallel.h"
#include "core/strings.h"
#include "text/scanner.h"
#include "text/utf8.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace meap {
namespace {

// Documents are counted in rounds of this many bytes, whatever the number of threads: what is
// forgotten between rounds is then the same for any number.
constexpr size_t kRoundBytes = size_t{48} << 20;
constexpr size_t kShards = 32;

/// Words to counts, for words of one shard.
class CountTable {
 public:
  void Add(std::string_view word, uint64_t hash, int64_t count) {
    if ((entries_.size() + 1) * 2 > slots_.size()) Grow();
    const size_t mask = slots_.size() - 1;
    size_t slot = hash & mask;
    for (; slots_[slot] != 0; slot = (slot + 1) & mask) {
      Entry& entry = entries_[slots_[slot] - 1];
      if (entry.hash == hash && Text(entry) == word) {
        entry.count += count;
        return;
      }
    }
    entries_.push_back({hash, count, pool_.size(), word.size()});
    pool_.insert(pool_.end(), word.begin(), word.end());
    slots_[slot] = static_cast<uint32_t>(entries_.size());
  }

  template <typename Visit>
  void ForEach(Visit&& visit) const {
    for (const Entry& entry : entries_) visit(Text(entry), entry.hash, entry.count);
  }
  size_t size() const { return entries_.size(); }
  size_t memory_bytes() const {
    return pool_.size() + entries_.size() * sizeof(Entry) + slots_.size() * sizeof(uint32_t);
  }
  void Clear() {
    pool_.clear();
    entries_.clear();
    std::fill(slots_.begin(), slots_.end(), 0);
  }

  /// Forgets words with at most `count` occurrences; returns the occurrences forgotten.
  int64_t Forget(int64_t count) {
    CountTable kept;
    int64_t dropped = 0;
    for (const Entry& entry : entries_) {
      if (entry.count > count) {
        kept.Add(Text(entry), entry.hash, entry.count);
      } else {
        dropped += entry.count;
      }
    }
    *this = std::move(kept);
    return dropped;
  }

 private:
  struct Entry {
    uint64_t hash;
    int64_t count;
    size_t offset;
    size_t length;
  };
  std::string_view Text(const Entry& entry) const {
    return {pool_.data() + entry.offset, entry.length};
  }
  void Grow() {
    slots_.assign(std::max<size_t>(slots_.size() * 2, 1024), 0);
    const size_t mask = slots_.size() - 1;
    for (size_t i = 0; i < entries_.size(); ++i) {
      size_t slot = entries_[i].hash & mask;
      while (slots_[slot] != 0) slot = (slot + 1) & mask;
      slots_[slot] = static_cast<uint32_t>(i + 1);
    }
  }

  std::vector<char> pool_;
  std::vector<Entry> entries_;
  std::vector<uint32_t> slots_;
};

using ShardedTable = std::array<CountTable, kShards>;

void CountDocument(const std::string& text, ShardedTable& table) {
  const auto count = [&](std::string_view valid) {
    ScanLlama3(valid, 3, [&](std::string_view word) {
      const uint64_t hash = XXH3_64bits(word.data(), word.size());
      table[hash >> 59].Add(word, hash, 1);
    });
  };
  static_assert(kShards == 1u << (64 - 59));
  if (IsValidUtf8(text)) {
    count(text);
  } else {
    count(ReplaceInvalidUtf8(text));
  }
}

std::vector<std::string> ReadRound(const DocumentSource& next) {
  std::vector<std::string> documents;
  std::string document;
  for (size_t bytes = 0; bytes < kRoundBytes && next(document);) {
    bytes += document.size();
    documents.push_back(std::move(document));
    document.clear();
  }
  return documents;
}

/// Counts one round into `all`.
void CountRound(const std::vector<std::string>& documents, std::vector<ShardedTable>& locals,
                ShardedTable& all) {
  const int threads = static_cast<int>(locals.size());
  std::atomic<size_t> next{0};
  ParallelFor(locals.size(), threads, [&](size_t worker) {
    for (size_t i = next++; i < documents.size(); i = next++) {
      CountDocument(documents[i], locals[worker]);
    }
  });
  ParallelFor(kShards, threads, [&](size_t shard) {
    for (ShardedTable& local : locals) {
      local[shard].ForEach([&](std::string_view word, uint64_t hash, int64_t count) {
        all[shard].Add(word, hash, count);
      });
      local[shard].Clear();
    }
  });
}

/// Forgets the rarest words until the table is within its limit; the threshold only rises.
int64_t KeepWithin(size_t limit, int threads, int64_t& threshold, ShardedTable& all) {
  const auto memory = [&] {
    size_t bytes = 0;
    for (const CountTable& table : all) bytes += table.memory_bytes();
    return bytes;
  };
  int64_t dropped = 0;
  while (memory() > limit) {
    std::array<int64_t, kShards> by_shard{};
    ParallelFor(kShards, threads,
                [&](size_t shard) { by_shard[shard] = all[shard].Forget(threshold); });
    for (const int64_t count : by_shard) dropped += count;
    threshold *= 2;
  }
  return dropped;
}

}  // namespace

WordCounts CountWords(const DocumentSource& next, const WordCountOptions& options) {
  const int threads = std::max(1, options.threads);
  std::vector<ShardedTable> locals(static_cast<size_t>(threads));
  ShardedTable all;
  WordCounts counts;
  int64_t threshold = 1;
  std::vector<std::string> round = ReadRound(next);
  while (!round.empty()) {
    // The next round is read while this one is counted.
    auto coming = std::async(std::launch::async, [&] { return ReadRound(next); });
    for (const std::string& document : round) counts.bytes += static_cast<int64_t>(document.size());
    counts.documents += static_cast<int64_t>(round.size());
    CountRound(round, locals, all);
    counts.dropped += KeepWithin(options.memory_bytes, threads, threshold, all);
    if (options.progress) options.progress(counts.bytes);
    round = coming.get();
  }
  for (const CountTable& table : all) {
    table.ForEach([&](std::string_view word, uint64_t, int64_t count) {
      counts.words.push_back({std::string(word), count});
    });
  }
  std::sort(counts.words.begin(), counts.words.end(),
            [](const auto& a, const auto& b) { return a.text < b.text; });
  return counts;
}

}  // namespace meap
