#include "data/shard.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "core/error.h"
#include "core/outputs.h"

namespace meap {
namespace {

constexpr char kMagic[8] = {'M', 'E', 'A', 'P', 'T', 'O', 'K', 'S'};
constexpr uint32_t kVersion = 1;

/// The header as it stands in the file.
struct RawHeader {
  char magic[8];
  uint32_t version;
  uint32_t token_bytes;
  uint64_t tokens;
  uint64_t documents;
  uint32_t block_bytes;
  uint32_t max_token;
  uint64_t table_checksum;
  uint64_t reserved;
  uint64_t checksum;  // of all before
};
static_assert(sizeof(RawHeader) == 64);

uint64_t HeaderChecksum(const RawHeader& raw) {
  return Hash64(&raw, offsetof(RawHeader, checksum));
}

uint64_t PadTo8(uint64_t bytes) { return (bytes + 7) / 8 * 8; }

}  // namespace

ShardWriter::ShardWriter(const fs::path& path, uint32_t token_bytes) : path_(path) {
  MEAP_CHECK(token_bytes == 2 || token_bytes == 4, "token_bytes");
  header_.token_bytes = token_bytes;
  block_.reserve(kShardBlockBytes);
  file_ = std::fopen(path.c_str(), "wb");
  const RawHeader empty{};
  Write(&empty, sizeof empty);
}

ShardWriter::~ShardWriter() {
  if (file_ == nullptr) return;
  std::fclose(file_);
  std::error_code ignored;
  fs::remove(path_, ignored);
}

void ShardWriter::Write(const void* data, size_t size) {
  if (file_ != nullptr && std::fwrite(data, 1, size, file_) == size) return;
  const int error = errno;
  throw WorkError(
      {.what = "cannot write token shard",
       .where = path_.string(),
       .got = std::strerror(error),
       .hint = WriteHint(error) + "; the same command goes on: finished shards are kept"});
}

void ShardWriter::Append(const void* payload, size_t size) {
  const char* bytes = static_cast<const char*>(payload);
  while (size > 0) {
    const size_t part = std::min(size, kShardBlockBytes - block_.size());
    block_.insert(block_.end(), bytes, bytes + part);
    bytes += part;
    size -= part;
    if (block_.size() == kShardBlockBytes) CloseBlock();
  }
}

void ShardWriter::CloseBlock() {
  if (block_.empty()) return;
  checksums_.push_back(Hash64(block_.data(), block_.size()));
  Write(block_.data(), block_.size());
  block_.clear();
}

void ShardWriter::AddDocument(std::span<const int32_t> tokens) {
  if (tokens.empty()) return;
  starts_.push_back(header_.tokens);
  ++header_.documents;
  header_.tokens += tokens.size();
  uint32_t largest = header_.max_token;
  for (const int32_t token : tokens) largest = std::max(largest, static_cast<uint32_t>(token));
  MEAP_CHECK(header_.token_bytes == 4 ? largest <= 0x7FFFFFFF : largest <= 0xFFFF,
             "token id " + std::to_string(largest) + " does not fit");
  header_.max_token = largest;
  if (header_.token_bytes == 4) {
    Append(tokens.data(), tokens.size_bytes());
    return;
  }
  uint16_t narrow[4096];
  while (!tokens.empty()) {
    const size_t count = std::min(tokens.size(), std::size(narrow));
    for (size_t i = 0; i < count; ++i) narrow[i] = static_cast<uint16_t>(tokens[i]);
    Append(narrow, count * sizeof narrow[0]);
    tokens = tokens.subspan(count);
  }
}

ShardHeader ShardWriter::Finish() {
  const uint64_t token_section = header_.tokens * header_.token_bytes;
  const uint64_t zero = 0;
  Append(&zero, PadTo8(token_section) - token_section);
  Append(starts_.data(), starts_.size() * sizeof(uint64_t));
  CloseBlock();
  const size_t table_bytes = checksums_.size() * sizeof(uint64_t);
  Write(checksums_.data(), table_bytes);

  RawHeader raw{};
  std::memcpy(raw.magic, kMagic, sizeof kMagic);
  raw.version = kVersion;
  raw.token_bytes = header_.token_bytes;
  raw.tokens = header_.tokens;
  raw.documents = header_.documents;
  raw.block_bytes = kShardBlockBytes;
  raw.max_token = header_.max_token;
  raw.table_checksum = Hash64(checksums_.data(), table_bytes);
  raw.checksum = HeaderChecksum(raw);
  header_.checksum = raw.checksum;
  const bool sought = std::fseek(file_, 0, SEEK_SET) == 0;
  Write(&raw, sought ? sizeof raw : 0);
  const bool synced = std::fflush(file_) == 0 && ::fsync(::fileno(file_)) == 0;
  const bool closed = std::fclose(std::exchange(file_, nullptr)) == 0;
  if (!sought || !synced || !closed) Write(nullptr, 0);  // file_ is null: reports errno
  return header_;
}

void ShardView::Broken(const std::string& expected, const std::string& got) const {
  throw InputError({.what = "broken token shard",
                    .where = name_,
                    .expected = expected,
                    .got = got,
                    .hint = "prepare the data again (meap data prepare ... --overwrite), and look "
                            "for failing disks or copies cut short"});
}

ShardView::ShardView(std::span<const std::byte> bytes, std::string name)
    : bytes_(bytes), name_(std::move(name)) {
  RawHeader raw{};
  if (bytes.size() < sizeof raw) {
    Broken("at least 64 bytes", std::to_string(bytes.size()) + " bytes");
  }
  std::memcpy(&raw, bytes.data(), sizeof raw);
  if (std::memcmp(raw.magic, kMagic, sizeof kMagic) != 0) {
    Broken("the mark MEAPTOKS at byte 0", "another kind of file");
  }
  if (raw.version != kVersion) {
    Broken("shard format version " + std::to_string(kVersion), std::to_string(raw.version));
  }
  if (raw.checksum != HeaderChecksum(raw)) {
    Broken("header checksum " + HexOf(raw.checksum), HexOf(HeaderChecksum(raw)));
  }
  header_ = {raw.token_bytes, raw.tokens, raw.documents, raw.max_token, raw.checksum};
  const uint64_t room = bytes.size() - sizeof raw;
  if ((raw.token_bytes != 2 && raw.token_bytes != 4) || raw.block_bytes != kShardBlockBytes ||
      raw.tokens > room / raw.token_bytes || raw.documents > room / sizeof(uint64_t)) {
    Broken("sizes that fit the file of " + std::to_string(bytes.size()) + " bytes",
           std::to_string(raw.tokens) + " tokens, " + std::to_string(raw.documents) + " documents");
  }
  starts_offset_ = PadTo8(raw.tokens * raw.token_bytes);
  payload_bytes_ = starts_offset_ + raw.documents * sizeof(uint64_t);
  blocks_ = (payload_bytes_ + kShardBlockBytes - 1) / kShardBlockBytes;
  const uint64_t whole = sizeof raw + payload_bytes_ + blocks_ * sizeof(uint64_t);
  if (bytes.size() != whole) {
    Broken(std::to_string(whole) + " bytes", std::to_string(bytes.size()) + " bytes");
  }
  const uint64_t table =
      Hash64(bytes.data() + sizeof raw + payload_bytes_, blocks_ * sizeof(uint64_t));
  if (table != raw.table_checksum) {
    Broken("checksum of the block table " + HexOf(raw.table_checksum), HexOf(table));
  }
  checked_ = std::make_unique<std::atomic<bool>[]>(blocks_);
}

void ShardView::CheckBlock(uint64_t block) const {
  const std::byte* payload = bytes_.data() + sizeof(RawHeader);
  const uint64_t begin = block * kShardBlockBytes;
  const uint64_t size = std::min<uint64_t>(kShardBlockBytes, payload_bytes_ - begin);
  uint64_t expected = 0;
  std::memcpy(&expected, payload + payload_bytes_ + block * sizeof expected, sizeof expected);
  const uint64_t got = Hash64(payload + begin, size);
  if (got != expected) {
    Broken("checksum " + HexOf(expected) + " of block " + std::to_string(block) + " (bytes " +
               std::to_string(sizeof(RawHeader) + begin) + " to " +
               std::to_string(sizeof(RawHeader) + begin + size) + ")",
           HexOf(got));
  }
  checked_[block].store(true, std::memory_order_release);
}

void ShardView::CheckBlocks(uint64_t begin, uint64_t end) const {
  if (begin == end) return;
  for (uint64_t block = begin / kShardBlockBytes; block <= (end - 1) / kShardBlockBytes; ++block) {
    if (!checked_[block].load(std::memory_order_acquire)) CheckBlock(block);
  }
}

void ShardView::Read(uint64_t start, uint64_t count, int32_t* out) const {
  MEAP_CHECK(start <= header_.tokens && count <= header_.tokens - start, "read past the shard");
  CheckBlocks(start * header_.token_bytes, (start + count) * header_.token_bytes);
  const std::byte* tokens = bytes_.data() + sizeof(RawHeader) + start * header_.token_bytes;
  if (header_.token_bytes == 4) {
    if (count > 0) std::memcpy(out, tokens, count * sizeof *out);
    return;
  }
  for (uint64_t i = 0; i < count; ++i) {
    uint16_t token = 0;
    std::memcpy(&token, tokens + i * sizeof token, sizeof token);
    out[i] = token;
  }
}

std::span<const uint64_t> ShardView::DocumentStarts() const {
  const std::byte* at = bytes_.data() + sizeof(RawHeader) + starts_offset_;
  const std::span<const uint64_t> starts(reinterpret_cast<const uint64_t*>(at), header_.documents);
  if (!starts_checked_.load(std::memory_order_acquire)) {
    CheckBlocks(starts_offset_, payload_bytes_);
    uint64_t next = 0;  // the least that the next start may be
    for (size_t i = 0; i < starts.size(); ++i) {
      const bool right = i == 0 ? starts[i] == 0 : starts[i] >= next && starts[i] < header_.tokens;
      if (!right) Broken("document starts that rise from 0", std::to_string(starts[i]));
      next = starts[i] + 1;
    }
    starts_checked_.store(true, std::memory_order_release);
  }
  return starts;
}

void ShardView::Verify() const {
  for (uint64_t block = 0; block < blocks_; ++block) CheckBlock(block);
  DocumentStarts();
}

}  // namespace meap
