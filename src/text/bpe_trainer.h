// Training of byte-level BPE tokenizers: the merges that a corpus's word counts ask for.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "text/tokenizer.h"
#include "text/word_counts.h"

namespace meap {

struct BpeTrainOptions {
  int32_t vocab_size = 8192;  // special tokens and the 256 bytes included: 260 at least
  int64_t min_count = 2;      // pairs rarer than this are not joined
  int threads = 1;
  size_t parallel_words = 20000;  // a merge in fewer words is done by one thread: it is faster
  std::function<void(size_t done, size_t total)> progress = {};  // merges, now and then
};

/// The merges in their order, each as two ids. Ids: kTrainedSpecials first, then the 256 bytes in
/// the order of ByteLevel's characters, then one for each new token. Equal to what Hugging Face's
/// BpeTrainer finds, for any number of threads. Fewer than asked for when the pairs run out.
std::vector<std::pair<int32_t, int32_t>> TrainMerges(const WordCounts& counts,
                                                     const BpeTrainOptions& options);

/// Trains a tokenizer in the layout of Llama 3's: its split pattern, ByteLevel, the special tokens
/// <|bos|>, <|eos|>, <|pad|>, [MASK] as ids 0 to 3, <|bos|> put first by the post-processor. Save()
/// it to keep it. A vocabulary size out of range is an InputError.
Tokenizer TrainByteLevelBpe(const WordCounts& counts, const BpeTrainOptions& options);

}  // namespace meap
