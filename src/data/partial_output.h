// The folder in which a preparation works until it is whole, with the journal that lets a stopped
// run go on.
#pragma once

#include <string>
#include <vector>

#include "core/files.h"
#include "data/content_hash.h"
#include "data/manifest.h"

namespace meap {

/// A finished group of input files, as the journal holds it.
struct GroupRecord {
  std::vector<ShardInfo> shards;
  std::vector<SourceInfo> sources;
};

/// OUTPUT.partial: lock, journal, document hashes (for duplicates) and, in out/, what will be
/// published. One process at a time has it; the constructor waits for the lock.
class PartialOutput {
 public:
  explicit PartialOutput(const fs::path& output);
  PartialOutput(const PartialOutput&) = delete;
  PartialOutput& operator=(const PartialOutput&) = delete;
  ~PartialOutput();

  /// The finished groups of a stopped run of the same content key whose shards are intact, in
  /// order from the first. Whatever else stands in the folder is removed.
  std::vector<GroupRecord> Resume(const std::string& content_key);

  /// Where shards are written.
  fs::path shard_folder() const { return folder_ / "out"; }

  /// Records a finished group with the hashes of its documents (empty unless duplicates are
  /// dropped).
  void Append(const GroupRecord& group, const std::vector<Hash128>& hashes);
  /// The hashes recorded with a group.
  std::vector<Hash128> Hashes(size_t group) const;

  /// Writes the manifest and moves the result to the output path, replacing what stands there.
  void Publish(const Manifest& manifest);
  /// Removes the folder: what is in it is of no use to a later run.
  void Discard();

 private:
  void Lock();
  bool Intact(const GroupRecord& group) const;
  fs::path HashFile(size_t group) const;
  fs::path journal() const { return folder_ / "journal.jsonl"; }

  fs::path output_;
  fs::path folder_;
  int lock_ = -1;
  size_t groups_ = 0;
};

}  // namespace meap
