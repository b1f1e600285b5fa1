// Batches of token windows.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "data/sampler.h"
#include "data/token_store.h"

namespace meap {

/// Some rows of the training stream, row after row. T is the sequence length.
struct Batch {
  int64_t rows = 0;
  int64_t sequence_length = 0;
  std::vector<int32_t> tokens;       // rows x (T+1): inputs the first T, targets the last T
  std::vector<uint64_t> sample_ids;  // rows: SampleRef::sample_id
  std::vector<uint64_t> epochs;      // rows: SampleRef::epoch; (id, epoch) is unique in a run
  /// rows x (T+1), only with isolate_documents: which document of the window a token is of, from 0.
  std::vector<int32_t> segments;

  const int32_t* row(int64_t r) const { return tokens.data() + r * (sequence_length + 1); }
};

/// One weighted source of training data.
struct MixtureSource {
  std::shared_ptr<const TokenStore> store;
  double weight = 1;
};

struct BatchOptions {
  SamplerOptions sampler;
  int64_t batch_rows = 1;          // rows of an optimizer step
  bool isolate_documents = false;  // fill Batch::segments
};

/// Reads batches. Immutable; thread-safe.
class BatchReader {
 public:
  BatchReader(std::vector<MixtureSource> sources, const BatchOptions& options);
  BatchReader(std::shared_ptr<const TokenStore> store, const BatchOptions& options)
      : BatchReader(std::vector<MixtureSource>{{std::move(store), 1}}, options) {}

  /// `rows` rows from place `first` of the stream on. Broken data is an InputError.
  Batch Rows(uint64_t first, int64_t rows) const;
  /// The rows of optimizer step `step` (from 0).
  Batch Step(uint64_t step) const {
    return Rows(step * static_cast<uint64_t>(options_.batch_rows), options_.batch_rows);
  }

  const Sampler& sampler() const { return sampler_; }

 private:
  void AddDocuments(Batch& batch, int64_t row, const TokenStore& store, uint64_t start) const;

  std::vector<MixtureSource> sources_;
  BatchOptions options_;
  Sampler sampler_;
};

}  // namespace meap
