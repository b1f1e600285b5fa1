// Batches of token windows, and a thread that reads them ahead of training.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "data/sampler.h"
#include "data/token_store.h"

namespace meap {

/// Some rows of the training stream, row after row. T is the sequence length.
struct Batch {
  uint64_t first = 0;  // place of row 0 in the stream
  int64_t rows = 0;
  int64_t sequence_length = 0;
  std::vector<int32_t> tokens;       // rows x (T+1): inputs the first T, targets the last T
  std::vector<uint64_t> sample_ids;  // rows: SampleRef::sample_id
  std::vector<uint64_t> epochs;      // rows: SampleRef::epoch; (id, epoch) is unique in a run
  /// rows x (T+1), only with isolate_documents: which document of the window a token is of, from 0,
  /// and its place in that document's part of the window, from 0.
  std::vector<int32_t> segments;
  std::vector<int32_t> positions;

  const int32_t* row(int64_t r) const { return tokens.data() + r * (sequence_length + 1); }
};

/// One weighted source of training data.
struct MixtureSource {
  std::shared_ptr<const TokenStore> store;
  double weight = 1;
};

struct BatchOptions {
  SamplerOptions sampler;
  int64_t batch_rows = 1;          // rows of an optimizer step, over all ranks
  bool isolate_documents = false;  // fill Batch::segments and positions
};

/// Reads batches. Immutable; thread-safe.
class BatchReader {
 public:
  BatchReader(std::vector<MixtureSource> sources, const BatchOptions& options);
  BatchReader(std::shared_ptr<const TokenStore> store, const BatchOptions& options)
      : BatchReader(std::vector<MixtureSource>{{std::move(store), 1}}, options) {}

  /// `rows` rows from place `first` of the stream on. Broken data is an InputError.
  Batch Rows(uint64_t first, int64_t rows) const;
  /// The rows of optimizer step `step` (from 0); a rank or micro-batch takes its part of them.
  Batch Step(uint64_t step) const { return Part(step, 0, options_.batch_rows); }
  /// Rows [begin, begin + rows) of that step.
  Batch Part(uint64_t step, int64_t begin, int64_t rows) const;

  const Sampler& sampler() const { return sampler_; }
  const BatchOptions& options() const { return options_; }

 private:
  void AddDocuments(Batch& batch, int64_t row, const TokenStore& store, uint64_t start) const;

  std::vector<MixtureSource> sources_;
  BatchOptions options_;
  Sampler sampler_;
};

/// Reads the steps from `first_step` on in one background thread, up to `depth` ahead; Next()
/// gives exactly what BatchReader would. An error comes out of the Next() of its step.
class BatchPrefetcher {
 public:
  /// Rows [begin, begin + rows) of each step. The reader must outlive the prefetcher.
  BatchPrefetcher(const BatchReader& reader, uint64_t first_step, int64_t begin, int64_t rows,
                  size_t depth = 4);
  BatchPrefetcher(const BatchReader& reader, uint64_t first_step)
      : BatchPrefetcher(reader, first_step, 0, reader.options().batch_rows) {}
  ~BatchPrefetcher();
  BatchPrefetcher(const BatchPrefetcher&) = delete;
  BatchPrefetcher& operator=(const BatchPrefetcher&) = delete;

  /// The next step's batch.
  Batch Next();

 private:
  struct Item {
    Batch batch;
    std::exception_ptr failure;
  };
  void Run(const std::stop_token& stop, uint64_t step);

  const BatchReader& reader_;
  int64_t begin_;
  int64_t rows_;
  size_t depth_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Item> ready_;
  std::jthread thread_;  // last: it uses all above
};

}  // namespace meap
