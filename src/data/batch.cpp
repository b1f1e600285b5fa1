#include "data/batch.h"

#include "core/error.h"

namespace meap {
namespace {

std::vector<SourceSize> Sizes(const std::vector<MixtureSource>& sources) {
  std::vector<SourceSize> sizes;
  for (const MixtureSource& source : sources) {
    sizes.push_back({source.store->tokens(), source.weight});
  }
  return sizes;
}

}  // namespace

BatchReader::BatchReader(std::vector<MixtureSource> sources, const BatchOptions& options)
    : sources_(std::move(sources)), options_(options), sampler_(Sizes(sources_), options.sampler) {
  MEAP_CHECK(options.batch_rows > 0, "batch_rows");
}

Batch BatchReader::Rows(uint64_t first, int64_t rows) const {
  const uint64_t length = options_.sampler.sequence_length;
  Batch batch;
  batch.rows = rows;
  batch.sequence_length = static_cast<int64_t>(length);
  const auto count = static_cast<size_t>(rows) * (length + 1);
  batch.tokens.resize(count);
  if (options_.isolate_documents) batch.segments.resize(count);
  for (int64_t row = 0; row < rows; ++row) {
    const SampleRef sample = sampler_.At(first + static_cast<uint64_t>(row));
    const TokenStore& store = *sources_[sample.source].store;
    const uint64_t start = sample.window * length;
    store.Read(start, length + 1, batch.tokens.data() + static_cast<size_t>(row) * (length + 1));
    batch.sample_ids.push_back(sample.sample_id);
    batch.epochs.push_back(sample.epoch);
    if (options_.isolate_documents) AddDocuments(batch, row, store, start);
  }
  return batch;
}

void BatchReader::AddDocuments(Batch& batch, int64_t row, const TokenStore& store,
                               uint64_t start) const {
  const auto width = static_cast<uint64_t>(batch.sequence_length) + 1;
  const std::vector<uint64_t> starts = store.DocumentStarts(start, start + width);
  int32_t* segments = batch.segments.data() + static_cast<uint64_t>(row) * width;
  size_t next = 0;
  int32_t segment = 0;
  for (uint64_t t = 0; t < width; ++t) {
    if (next < starts.size() && starts[next] == start + t) {
      if (t > 0) ++segment;
      ++next;
    }
    segments[t] = segment;
  }
}

}  // namespace meap
