// The training text as one stream of token ids: prepared folders, memory-mapped.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/files.h"
#include "data/manifest.h"
#include "data/shard.h"

namespace meap {

/// The token streams of one or several prepared folders, one after another. Opening maps the files
/// and checks sizes and headers; each block of 256 KiB is checked when it is first read. Movable;
/// const methods are thread-safe.
class TokenStore {
 public:
  /// Opens prepared folders. Missing or broken files, or folders made with different tokenizers
  /// (`same` are hashes that one tokenizer goes by): InputError.
  static TokenStore Open(const std::vector<fs::path>& folders,
                         const std::vector<std::string>& same = {});
  static TokenStore Open(const fs::path& folder) { return Open(std::vector<fs::path>{folder}); }

  /// Number of tokens in the stream.
  uint64_t tokens() const { return starts_.back(); }
  uint64_t documents() const;
  /// The manifests, in order.
  const std::vector<Manifest>& manifests() const { return manifests_; }
  /// Hash and end of text of the tokenizer that all folders were made with, the first folder's.
  const std::string& tokenizer_hash() const { return manifests_.front().settings.tokenizer_hash; }
  int32_t eos() const { return manifests_.front().settings.eos; }

  /// Copies tokens [start, start + count) to `out`. A block that is not as it was written is an
  /// InputError naming shard and block.
  void Read(uint64_t start, uint64_t count, int32_t* out) const;
  std::vector<int32_t> Read(uint64_t start, uint64_t count) const;

  /// Positions in [begin, end) at which documents start, rising.
  std::vector<uint64_t> DocumentStarts(uint64_t begin, uint64_t end) const;

  /// Recomputes every checksum, with up to `threads` threads. InputError naming the first broken
  /// shard and block.
  void Verify(int threads) const;

  /// InputError unless the data was made with the tokenizer that goes by those hashes, its own
  /// first; `tokenizer` is its folder, for the message.
  void RequireTokenizer(const std::vector<std::string>& hashes, const std::string& tokenizer) const;

 private:
  struct Shard {
    explicit Shard(const fs::path& path) : file(path), view(file.bytes(), path.string()) {}
    MappedFile file;
    ShardView view;
  };
  void AddFolder(const fs::path& folder, const std::vector<std::string>& same);
  size_t ShardAt(uint64_t token) const;

  std::vector<fs::path> folders_;
  std::vector<Manifest> manifests_;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::vector<uint64_t> starts_{0};  // first token of each shard; last: tokens in all
};

}  // namespace meap
