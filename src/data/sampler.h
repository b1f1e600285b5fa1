// Which window of which source stands at which place of the training stream: a pure function of the
// seed and the place, so that any step starts at once and neither ranks, micro-batches nor resumes
// change the stream.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace meap {

/// One row of training data.
struct SampleRef {
  uint32_t source = 0;     // which of the mixture's sources
  uint64_t epoch = 0;      // how often that source was gone through before
  uint64_t window = 0;     // in the source
  uint64_t sample_id = 0;  // names (source, window) and stays the same in all epochs
};

/// One source as the sampler sees it.
struct SourceSize {
  uint64_t tokens = 0;
  double weight = 1;  // share of rows, relative to the other sources; > 0
};

struct SamplerOptions {
  uint64_t sequence_length = 0;  // T: a window is T+1 tokens, window w begins at token w*T
  uint64_t seed = 0;
  bool shuffle = true;  // false: windows in their order, every epoch (validation)
};

/// The order of windows. One source: each epoch is a fresh permutation of all its windows. Several:
/// row i is of source s(i), where s is a fixed cycle of 65,536 rows that spreads the sources evenly
/// (every stretch holds each source's share to within a row or two; a share is rounded to 1/65,536
/// and is at least that); a source goes through its own epochs, again fresh permutations. A row
/// takes constant time whatever its index. Immutable; thread-safe.
class Sampler {
 public:
  /// A source shorter than one window, or a weight that is not positive: InputError.
  Sampler(const std::vector<SourceSize>& sources, const SamplerOptions& options);
  Sampler(uint64_t tokens, const SamplerOptions& options)
      : Sampler(std::vector<SourceSize>{{tokens, 1}}, options) {}

  /// The row at place `index` of the stream; step s of batch B holds places s*B .. s*B + B-1.
  SampleRef At(uint64_t index) const;

  /// Windows in all sources together (of one source): for one source, the rows of an epoch.
  uint64_t windows() const { return first_id_.back(); }
  uint64_t windows(size_t source) const { return first_id_[source + 1] - first_id_[source]; }
  /// How many of the stream's first `index` rows are of `source`.
  uint64_t RowsOf(size_t source, uint64_t index) const;

  const SamplerOptions& options() const { return options_; }

 private:
  struct Slot {
    uint32_t source;
    uint32_t rank;  // rows of this source before it in the cycle
  };
  void BuildCycle(const std::vector<SourceSize>& sources);

  SamplerOptions options_;
  std::vector<uint64_t> first_id_{0};  // first sample id of each source; last: windows in all
  std::vector<Slot> cycle_;            // empty for one source
  std::vector<uint32_t> per_cycle_;    // rows of each source in a cycle
};

}  // namespace meap
