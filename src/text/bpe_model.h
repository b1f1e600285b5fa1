// Byte-pair encoding: words to ids by the merges of a tokenizer.json's BPE model.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/id_buffer.h"
#include "text/json_node.h"
#include "text/merge_table.h"
#include "text/string_table.h"
#include "text/word_cache.h"

namespace meap {

/// What one thread needs while it encodes; reused from text to text.
struct BpeScratch {
  WordCache cache;
  IdBuffer symbols;
  std::vector<uint64_t> heap;
  std::vector<uint32_t> next;
  std::vector<uint32_t> previous;
  std::vector<uint32_t> ranks;
};

/// Immutable after construction; const calls are thread-safe with a scratch per thread.
class BpeModel {
 public:
  /// Reads the `model` object. With `bytes`, words come as raw bytes, and the vocabulary's strings
  /// are read in ByteLevel's alphabet; this needs BytesAreEnough().
  BpeModel(const JsonNode& model, bool bytes);

  /// True when encoding raw bytes gives what encoding ByteLevel's characters would.
  static bool BytesAreEnough(const JsonNode& model);

  /// Appends the ids of one pre-token to `out`.
  void EncodePiece(std::string_view piece, BpeScratch& scratch, IdBuffer& out) const;

  /// The byte that an id stands for as a fallback for unknown characters ("<0x0A>"), -1 for none.
  int FallbackByte(int32_t id) const;
  bool IsUnknown(int32_t id) const { return id == unk_id_; }

  /// The vocabulary as the file has it.
  const StringTable& vocabulary() const { return vocabulary_; }

 private:
  // Classes of characters for the question which neighbours can ever be in one token: each ASCII
  // character, U+2581, and everything else.
  static constexpr size_t kClasses = 130;
  static constexpr int32_t kNoUnk = -1;
  static constexpr int32_t kMissingUnk = -2;  // named, but not in the vocabulary: fails when needed

  void ReadOptions(const JsonNode& model);
  void ReadMerges(const JsonNode& merges);
  void PrepareBytes();
  void PrepareCuts(const std::vector<std::pair<int32_t, int32_t>>& pairs);
  void FindByteFallback();

  void EncodeWord(std::string_view word, BpeScratch& scratch, IdBuffer& out) const;
  void EncodeUnknownWord(std::string_view word, BpeScratch& scratch, IdBuffer& out) const;
  void BytesToSymbols(std::string_view word, IdBuffer& symbols) const;
  void CharactersToSymbols(std::string_view word, IdBuffer& symbols) const;

  StringTable vocabulary_;
  StringTable byte_vocabulary_;  // in bytes mode with ignore_merges: the same by raw bytes
  std::optional<MergeTable> merges_;
  std::array<int32_t, 256> byte_ids_{};       // bytes mode: id of each byte's symbol, -1 for none
  std::array<int32_t, 256> byte_fallback_{};  // ids of <0x00> to <0xFF>, -1 for none
  std::vector<uint8_t> joinable_;             // kClasses x kClasses; empty: pieces are not cut
  std::string prefix_;                        // continuing_subword_prefix
  std::string suffix_;                        // end_of_word_suffix
  int32_t unk_id_ = kNoUnk;
  bool bytes_;
  bool fuse_unk_ = false;
  bool byte_fallback_on_ = false;
  bool ignore_merges_ = false;
};

/// Joins neighbours in `symbols` (count of them), lowest rank first and leftmost among equals,
/// until nothing joins; returns how many are left.
size_t MergeSymbols(const MergeTable& merges, int32_t* symbols, size_t count, BpeScratch& scratch);

/// ByteLevel's alphabet: the character that stands for a byte, and the byte a character stands for
/// (-1 for characters outside of it).
uint32_t ByteLevelCharacter(uint8_t byte);
int ByteLevelByte(uint32_t character);
/// The bytes that a token of ByteLevel's alphabet stands for, or nothing when a character is
/// outside of it.
std::optional<std::string> ByteLevelBytes(std::string_view token);

}  // namespace meap
