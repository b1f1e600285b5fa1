// One run of `Prepare`: reads, encodes in parallel, writes in order.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "core/console.h"
#include "data/content_hash.h"
#include "data/partial_output.h"
#include "data/prepare.h"
#include "data/shard.h"

namespace meap {

/// Internal to Prepare. The output's bytes depend on the input and the options alone, because
/// documents are read and written in one order whatever thread encodes them.
class Preparation {
 public:
  Preparation(const std::vector<fs::path>& files, std::vector<SourceInfo> sources,
              const DocumentEncoder& encoder, const PrepareOptions& options,
              PartialOutput& partial);

  /// Takes over the groups a stopped run finished; returns the number of their input files.
  size_t Resume(const std::string& content_key);
  /// Does the rest and fills in the manifest's shards and sources. No document: InputError.
  void Run(Manifest& manifest);

 private:
  /// Some documents of one input file on their way.
  struct Block {
    size_t source = 0;
    std::string text;          // the documents, one after another
    std::vector<size_t> ends;  // where each ends in `text`
    std::vector<Hash128> hashes;
    std::vector<int32_t> tokens;
    std::vector<size_t> token_ends;
    bool last = false;   // the file ends here
    DropCounts dropped;  // of the whole file, with `last`
  };
  bool Produce(Block& block);
  void Encode(Block& block) const;
  void Consume(Block& block);
  void FinishShard();
  void FinishGroup();
  bool Keep(std::string_view text, Block& block);

  const std::vector<fs::path>& files_;
  std::vector<SourceInfo> sources_;
  const DocumentEncoder& encoder_;
  const PrepareOptions& options_;
  PartialOutput& partial_;
  std::vector<size_t> group_of_;  // by source
  std::vector<ShardInfo> shards_;

  // Reading side.
  size_t next_source_ = 0;
  std::unique_ptr<DocumentReader> reader_;
  std::unordered_set<Hash128> seen_;
  uint64_t duplicates_ = 0;  // of the file being read
  std::atomic<uint64_t> consumed_bytes_{0};

  // Writing side.
  GroupRecord group_;
  std::vector<Hash128> group_hashes_;
  std::unique_ptr<ShardWriter> writer_;
  std::string writer_file_;
  uint64_t done_tokens_ = 0;
  ProgressBar progress_;
};

}  // namespace meap
