// From text files to a prepared folder of token shards.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/files.h"
#include "data/document_encoder.h"
#include "data/manifest.h"
#include "data/readers.h"

namespace meap {

struct PrepareOptions {
  ReaderOptions reader;
  bool dedup = false;      // drop documents whose text was seen before
  int threads = 1;         // does not change the output
  bool overwrite = false;  // replace prepared data that stands at the output
  /// A shard ends at the first document end after this many tokens, and at the end of a group.
  uint64_t max_shard_tokens = uint64_t{1} << 28;
  /// Neighbouring input files are one group until they hold this much: a group is what a run that
  /// was stopped need not do again.
  uint64_t group_bytes = uint64_t{4} << 20;
};

/// What a preparation came to.
struct PrepareResult {
  fs::path folder;
  Manifest manifest;
  bool reused = false;         // the output was there already
  size_t resumed_sources = 0;  // input files taken over from a run that was stopped
};

/// Encodes every document of `files` (from ExpandInputs) as [BOS] tokens EOS into shards and
/// publishes them at `output` in one step. The bytes depend on the files' contents, the tokenizer
/// and the options, not on threads, times or interruptions. Work in progress stands in `output` +
/// ".partial"; after a kill, or a signal that a SignalGuard caught (an Error with its exit code),
/// the same call goes on there. A second process waits for the first.
/// InputError: broken input, no EOS, no document left, or other data at `output`.
PrepareResult Prepare(const std::vector<fs::path>& files, const DocumentEncoder& encoder,
                      const fs::path& output, const PrepareOptions& options);

/// Prepare into `cache`/KEY, KEY naming contents, tokenizer and options; at once when it is there.
PrepareResult PrepareCached(const std::vector<fs::path>& files, const DocumentEncoder& encoder,
                            const fs::path& cache, const PrepareOptions& options);

}  // namespace meap
