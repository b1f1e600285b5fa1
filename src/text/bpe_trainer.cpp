// The merge loop. Pairs of neighbours are counted once; a merge then changes only the words that
// hold its pair, found through an index from pairs to words.
#include "text/bpe_trainer.h"

#include <algorithm>
#include <array>
#include <queue>
#include <unordered_map>

#include "core/error.h"
#include "core/parallel.h"
#include "text/bpe_model.h"
#include "text/trained_json.h"

namespace meap {
namespace {

using Pair = std::pair<int32_t, int32_t>;

uint64_t Key(int32_t left, int32_t right) {
  return uint64_t{static_cast<uint32_t>(left)} << 32 | static_cast<uint32_t>(right);
}
Pair PairOf(uint64_t key) {
  return {static_cast<int32_t>(key >> 32), static_cast<int32_t>(key & 0xFFFFFFFFu)};
}

struct KeyHash {
  size_t operator()(uint64_t key) const {
    return static_cast<size_t>((key ^ (key >> 31)) * 0x9E3779B97F4A7C15u);
  }
};

/// How one merge changes the count of a pair, and the words in which the pair is new.
struct Change {
  int64_t count = 0;
  std::vector<uint32_t> words = {};
  bool merged = false;  // already one of the merges
};
using Changes = std::unordered_map<uint64_t, Change, KeyHash>;

/// A word during training: `length` symbols from `offset` on.
struct Word {
  size_t offset;
  uint32_t length;
  int64_t count;
};

class MergeTrainer {
 public:
  MergeTrainer(const WordCounts& counts, const BpeTrainOptions& options)
      : options_(options), table_(static_cast<size_t>(options.vocab_size)) {
    for (int32_t id = 0; id < FirstMergeId(); ++id) AddToken(TrainedToken(id));
    ReadWords(counts);
    CountPairs();
  }

  std::vector<Pair> Run() {
    std::vector<Pair> merges;
    const auto wanted = static_cast<size_t>(options_.vocab_size - FirstMergeId());
    while (tokens_.size() < static_cast<size_t>(options_.vocab_size) && !queue_.empty()) {
      const auto [count, inverted] = queue_.top();
      queue_.pop();
      const uint64_t key = ~inverted;
      Change& entry = pairs_.at(key);
      if (entry.count != count) {  // counts of known pairs only fall
        if (entry.count > 0) queue_.emplace(entry.count, inverted);
        continue;
      }
      if (count < options_.min_count) break;
      // A pair comes up again when another merge has made its left or right token anew.
      if (!std::exchange(entry.merged, true)) merges.push_back(PairOf(key));
      Merge(key, std::exchange(entry.words, {}));
      if (options_.progress && merges.size() % 64 == 0) options_.progress(merges.size(), wanted);
    }
    return merges;
  }

 private:
  /// The id of a token; two merges may make the same string.
  int32_t AddToken(const std::string& bytes) {
    const int32_t known = table_.Find(bytes);
    if (known >= 0) return known;
    const auto id = static_cast<int32_t>(tokens_.size());
    table_.Set(bytes, id);
    tokens_.push_back(bytes);
    return id;
  }

  void ReadWords(const WordCounts& counts) {
    std::array<int32_t, 256> ids{};
    for (int32_t id = kTrainedSpecialCount; id < FirstMergeId(); ++id) {
      ids[static_cast<uint8_t>(TrainedToken(id)[0])] = id;
    }
    size_t symbols = 0;
    for (const auto& word : counts.words) symbols += word.text.size();
    symbols_.reserve(symbols);
    for (const auto& [text, count] : counts.words) {
      if (text.size() < 2 || text.size() > UINT32_MAX) continue;
      words_.push_back({symbols_.size(), static_cast<uint32_t>(text.size()), count});
      for (const char c : text) symbols_.push_back(ids[static_cast<uint8_t>(c)]);
    }
    MEAP_CHECK(words_.size() < UINT32_MAX, "words are numbered with 32 bits");
  }

  void CountPairs() {
    const auto threads = static_cast<size_t>(std::max(1, options_.threads));
    std::vector<Changes> parts(threads);
    ParallelFor(threads, options_.threads, [&](size_t part) {
      const size_t begin = words_.size() * part / threads;
      const size_t end = words_.size() * (part + 1) / threads;
      for (size_t w = begin; w < end; ++w) {
        const int32_t* symbols = &symbols_[words_[w].offset];
        for (uint32_t i = 0; i + 1 < words_[w].length; ++i) {
          Note(parts[part], Key(symbols[i], symbols[i + 1]), words_[w].count,
               static_cast<uint32_t>(w));
        }
      }
    });
    for (Changes& part : parts) Apply(std::move(part));
  }

  static void Note(Changes& changes, uint64_t key, int64_t count, uint32_t word) {
    Change& change = changes[key];
    change.count += count;
    if (count > 0 && (change.words.empty() || change.words.back() != word)) {
      change.words.push_back(word);
    }
  }

  /// Adds changes to the counts, and pairs that are new to the queue.
  void Apply(Changes&& changes) {
    for (auto& [key, change] : changes) {
      Change& entry = pairs_[key];
      entry.count += change.count;
      if (entry.words.empty()) {
        entry.words = std::move(change.words);
      } else {
        entry.words.insert(entry.words.end(), change.words.begin(), change.words.end());
      }
      // Equal counts go in the order of ids, so the key is inverted for the queue's top. A pair
      // may be pushed twice while parts of its count come in: the entry that is too low is void.
      if (change.count > 0) queue_.emplace(entry.count, ~key);
    }
  }

  void Merge(uint64_t key, std::vector<uint32_t> words) {
    const int32_t left = PairOf(key).first;
    const int32_t right = PairOf(key).second;
    const int32_t joined =
        AddToken(tokens_[static_cast<size_t>(left)] + tokens_[static_cast<size_t>(right)]);
    std::sort(words.begin(), words.end());
    words.erase(std::unique(words.begin(), words.end()), words.end());
    const size_t parts = words.size() < options_.parallel_words
                             ? 1
                             : static_cast<size_t>(std::max(1, options_.threads));
    std::vector<Changes> changes(parts);
    ParallelFor(parts, static_cast<int>(parts), [&](size_t part) {
      const size_t begin = words.size() * part / parts;
      const size_t end = words.size() * (part + 1) / parts;
      for (size_t i = begin; i < end; ++i) {
        MergeInWord(words[i], left, right, joined, changes[part]);
      }
    });
    for (size_t part = 1; part < parts; ++part) Combine(changes[0], std::move(changes[part]));
    Apply(std::move(changes[0]));
    pairs_.at(key).count = 0;
  }

  static void Combine(Changes& into, Changes&& from) {
    for (auto& [key, change] : from) {
      Change& entry = into[key];
      entry.count += change.count;
      entry.words.insert(entry.words.end(), change.words.begin(), change.words.end());
    }
  }

  void MergeInWord(uint32_t index, int32_t left, int32_t right, int32_t joined, Changes& changes) {
    Word& word = words_[index];
    int32_t* symbols = &symbols_[word.offset];
    uint32_t out = 0;
    for (uint32_t i = 0; i < word.length; ++i) {
      if (symbols[i] != left || i + 1 == word.length || symbols[i + 1] != right) {
        symbols[out++] = symbols[i];
        continue;
      }
      if (out > 0) {
        Note(changes, Key(symbols[out - 1], left), -word.count, index);
        Note(changes, Key(symbols[out - 1], joined), word.count, index);
      }
      ++i;
      if (i + 1 < word.length) {
        Note(changes, Key(right, symbols[i + 1]), -word.count, index);
        Note(changes, Key(joined, symbols[i + 1]), word.count, index);
      }
      symbols[out++] = joined;
    }
    word.length = out;
  }

  const BpeTrainOptions& options_;
  StringTable table_;                // bytes of a token to its id
  std::vector<std::string> tokens_;  // by id
  std::vector<int32_t> symbols_;
  std::vector<Word> words_;
  Changes pairs_;
  std::priority_queue<std::pair<int64_t, uint64_t>> queue_;  // count, inverted key
};

}  // namespace

std::vector<Pair> TrainMerges(const WordCounts& counts, const BpeTrainOptions& options) {
  constexpr int32_t kLargest = 1 << 22;
  if (options.vocab_size < FirstMergeId() || options.vocab_size > kLargest) {
    throw InputError({.what = "the vocabulary size is out of range",
                      .where = "--vocab-size",
                      .expected = "from " + std::to_string(FirstMergeId()) + " (" +
                                  std::to_string(kTrainedSpecialCount) +
                                  " special tokens and 256 bytes) to " + std::to_string(kLargest),
                      .got = std::to_string(options.vocab_size)});
  }
  return MergeTrainer(counts, options).Run();
}

Tokenizer TrainByteLevelBpe(const WordCounts& counts, const BpeTrainOptions& options) {
  const TrainedFiles files = WriteTrained(TrainMerges(counts, options));
  return Tokenizer::FromJson(files.tokenizer_json, files.config_json);
}

}  // namespace meap
