#include "data/sampler.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "data/permutation.h"

namespace meap {
namespace {

constexpr uint32_t kCycle = 65536;

/// Rows of each source in a cycle: its share rounded (largest remainders get what is left over).
std::vector<uint32_t> Apportion(const std::vector<SourceSize>& sources) {
  double total = 0;
  for (const SourceSize& source : sources) total += source.weight;
  std::vector<uint32_t> rows;
  std::vector<double> short_by;
  uint32_t given = 0;
  for (const SourceSize& source : sources) {
    const double exact = source.weight / total * kCycle;
    rows.push_back(std::max(1u, static_cast<uint32_t>(exact)));
    short_by.push_back(exact - rows.back());
    given += rows.back();
  }
  for (; given < kCycle; ++given) {
    const auto at = std::max_element(short_by.begin(), short_by.end());
    ++rows[static_cast<size_t>(at - short_by.begin())];
    --*at;
  }
  // Sources too small for a row got one all the same: the largest pay for it.
  for (; given > kCycle; --given) --*std::max_element(rows.begin(), rows.end());
  return rows;
}

}  // namespace

Sampler::Sampler(const std::vector<SourceSize>& sources, const SamplerOptions& options)
    : options_(options) {
  MEAP_CHECK(options.sequence_length > 0, "sequence_length");
  MEAP_CHECK(!sources.empty(), "no source");
  for (size_t i = 0; i < sources.size(); ++i) {
    const uint64_t tokens = sources[i].tokens;
    const std::string name =
        "source " + std::to_string(i + 1) + " of " + std::to_string(sources.size());
    if (tokens < options.sequence_length + 1) {
      throw InputError({.what = "too little data for one window",
                        .where = name,
                        .expected = "at least data.sequence_length + 1 = " +
                                    std::to_string(options.sequence_length + 1) + " tokens",
                        .got = std::to_string(tokens) + " tokens",
                        .hint = "use more data or a smaller data.sequence_length"});
    }
    if (!(sources[i].weight > 0) || !std::isfinite(sources[i].weight)) {
      throw InputError({.what = "a data source's weight is not a positive number",
                        .where = name,
                        .expected = "a weight above 0",
                        .got = std::to_string(sources[i].weight)});
    }
    first_id_.push_back(first_id_.back() + (tokens - 1) / options.sequence_length);
  }
  if (sources.size() > 1) BuildCycle(sources);
}

void Sampler::BuildCycle(const std::vector<SourceSize>& sources) {
  if (sources.size() > kCycle / 16) {
    throw InputError({.what = "too many weighted data sources",
                      .expected = "at most " + std::to_string(kCycle / 16),
                      .got = std::to_string(sources.size()),
                      .hint = "join folders that share a weight into one source"});
  }
  per_cycle_ = Apportion(sources);
  std::vector<uint32_t> given(sources.size());
  cycle_.reserve(kCycle);
  // Each row goes to the source whose next row is due first: row k of n is due at (k + 1/2) / n of
  // the cycle, so that a source's rows are spread as evenly as they can be.
  for (uint32_t row = 0; row < kCycle; ++row) {
    uint32_t chosen = 0;
    double earliest = 2;
    for (uint32_t i = 0; i < sources.size(); ++i) {
      const double due = (given[i] + 0.5) / per_cycle_[i];
      if (given[i] < per_cycle_[i] && due < earliest) {
        earliest = due;
        chosen = i;
      }
    }
    cycle_.push_back({chosen, given[chosen]++});
  }
}

uint64_t Sampler::RowsOf(size_t source, uint64_t index) const {
  if (cycle_.empty()) return index;
  uint64_t rows = index / kCycle * per_cycle_[source];
  for (uint64_t i = 0; i < index % kCycle; ++i) rows += cycle_[i].source == source ? 1 : 0;
  return rows;
}

SampleRef Sampler::At(uint64_t index) const {
  SampleRef sample;
  uint64_t place = index;  // in the source's own stream
  if (!cycle_.empty()) {
    const Slot slot = cycle_[index % kCycle];
    sample.source = slot.source;
    place = index / kCycle * per_cycle_[slot.source] + slot.rank;
  }
  const uint64_t count = windows(sample.source);
  sample.epoch = place / count;
  sample.window = place % count;
  if (options_.shuffle) {
    const Permutation order(options_.seed, sample.epoch, sample.source, count);
    sample.window = order(sample.window);
  }
  sample.sample_id = first_id_[sample.source] + sample.window;
  return sample;
}

}  // namespace meap
