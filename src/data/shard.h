// One token shard: a file of token ids with document starts, checksummed block by block.
//
// Layout, little-endian: header (64 bytes) | token ids, padded with zeros to 8 bytes | document
// starts, uint64 each, counted in tokens of this shard | XXH3-64 of each block of the two sections
// before. The header holds the hash of that table and, last, its own: so the header's hash, which
// the manifest repeats, stands for every bit of the file.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/files.h"

namespace meap {

/// What a shard's header says.
struct ShardHeader {
  uint32_t token_bytes = 2;  // 2 or 4
  uint64_t tokens = 0;
  uint64_t documents = 0;
  uint32_t max_token = 0;  // the largest id in it
  uint64_t checksum = 0;   // of the header, and through it of all
};

/// Bytes a block checksum covers.
inline constexpr size_t kShardBlockBytes = size_t{1} << 18;

/// Writes a shard front to back in bounded memory (8 bytes a document besides a buffer). The file
/// is whole only after Finish(); without it the destructor removes it.
class ShardWriter {
 public:
  ShardWriter(const fs::path& path, uint32_t token_bytes);
  ShardWriter(const ShardWriter&) = delete;
  ShardWriter& operator=(const ShardWriter&) = delete;
  ~ShardWriter();

  /// Appends one document's tokens; ids must be >= 0 and fit in token_bytes.
  void AddDocument(std::span<const int32_t> tokens);
  uint64_t tokens() const { return header_.tokens; }
  uint64_t documents() const { return header_.documents; }
  /// Writes document starts, checksums and header, and syncs the file to disk.
  ShardHeader Finish();

 private:
  void Write(const void* data, size_t size);
  void Append(const void* payload, size_t size);
  void CloseBlock();

  fs::path path_;
  std::FILE* file_ = nullptr;
  ShardHeader header_;
  std::vector<uint64_t> starts_;
  std::vector<char> block_;
  std::vector<uint64_t> checksums_;
};

/// A shard in memory (mapped by TokenStore). Reading a block for the first time checks it, so that
/// no flipped bit reaches training. Const methods are thread-safe.
class ShardView {
 public:
  /// `bytes` must outlive the view; `name` is used in errors. Wrong sizes, header or table:
  /// InputError.
  ShardView(std::span<const std::byte> bytes, std::string name);

  const ShardHeader& header() const { return header_; }
  /// Copies tokens [start, start + count) to `out`. A broken block is an InputError naming it.
  void Read(uint64_t start, uint64_t count, int32_t* out) const;
  /// First token of each document, rising from 0. A broken block is an InputError.
  std::span<const uint64_t> DocumentStarts() const;
  /// Checks every block again.
  void Verify() const;

 private:
  void CheckBlocks(uint64_t begin, uint64_t end) const;
  void CheckBlock(uint64_t block) const;
  [[noreturn]] void Broken(const std::string& expected, const std::string& got) const;

  std::span<const std::byte> bytes_;
  std::string name_;
  ShardHeader header_;
  uint64_t payload_bytes_ = 0;
  uint64_t starts_offset_ = 0;  // in the payload
  uint64_t blocks_ = 0;
  std::unique_ptr<std::atomic<bool>[]> checked_;
  mutable std::atomic<bool> starts_checked_{false};
};

}  // namespace meap
