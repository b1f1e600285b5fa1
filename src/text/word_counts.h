// Counting the words of a corpus: the first half of training a tokenizer.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace meap {

/// Puts the next document into its argument; false when there are no more. Called from one thread
/// at a time.
using DocumentSource = std::function<bool(std::string&)>;

/// How often each word stands in a corpus.
struct WordCounts {
  struct Word {
    std::string text;
    int64_t count;
  };
  std::vector<Word> words;  // in the order of their bytes, each once
  int64_t documents = 0;
  int64_t bytes = 0;
  int64_t dropped = 0;  // occurrences of rare words left out to keep within the memory limit
};

struct WordCountOptions {
  int threads = 1;
  size_t memory_bytes = size_t{1} << 29;             // of the table of words, about
  std::function<void(int64_t bytes)> progress = {};  // called now and then with the bytes read
};

/// Cuts documents by Llama 3's pattern and counts the words. The result does not depend on the
/// number of threads. Where the words outgrow the memory limit, the rarest are forgotten.
WordCounts CountWords(const DocumentSource& next, const WordCountOptions& options);

}  // namespace meap
