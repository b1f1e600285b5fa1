// What the two kinds of tokeniser have in common; Tokenizer holds one of them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/decoder.h"

namespace meap {

/// Encodes and decodes. Const calls are thread-safe.
class TokenizerBackend {
 public:
  TokenizerBackend() = default;
  TokenizerBackend(const TokenizerBackend&) = delete;
  TokenizerBackend& operator=(const TokenizerBackend&) = delete;
  virtual ~TokenizerBackend() = default;

  /// Appends the ids of well-formed UTF-8.
  virtual void Encode(std::string_view text, bool add_special, std::vector<int32_t>& ids) const = 0;
  /// The same without special tokens around it, and for each id the byte of `text` at which its
  /// first character stands.
  virtual void EncodeWithStarts(std::string_view text, std::vector<int32_t>& ids,
                                std::vector<size_t>& starts) const = 0;
  virtual std::string Decode(std::span<const int32_t> ids, bool skip_special) const = 0;

  virtual int32_t VocabSize() const = 0;
  virtual std::optional<int32_t> TokenToId(std::string_view token) const = 0;
  virtual std::optional<std::string> IdToToken(int32_t id) const = 0;
  virtual bool IsSpecial(int32_t id) const = 0;
  virtual bool IsAdded(int32_t id) const = 0;
  /// The id of a token that is matched in text as it stands.
  virtual std::optional<int32_t> AddedTokenId(std::string_view content) const = 0;
  /// The first id that encoding with special tokens puts before every text.
  virtual std::optional<int32_t> FirstAdded() const = 0;

  /// What is known of how text grows with ids, and the raw bytes of a token for Streaming::kBytes.
  virtual TokenDecoder::Streaming streaming() const = 0;
  virtual std::string TokenBytes(int32_t id) const = 0;

  /// Adds a special token with the next id, which is returned.
  virtual int32_t AddSpecialToken(std::string_view content) = 0;
};

}  // namespace meap
