// Tokens that are found in the text as they stand, before anything else happens to it.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "text/json_node.h"
#include "text/normalizer.h"
#include "text/string_table.h"

namespace meap {

/// One entry of `added_tokens`.
struct AddedToken {
  std::string content;
  int32_t id = -1;
  bool single_word = false;  // only where no word character touches it
  bool lstrip = false;       // swallows white space on its left
  bool rstrip = false;       // and on its right
  bool normalized = false;   // searched for after the normaliser, in normalised form
  bool special = false;      // left out of decoded text on request
};

/// A part of a text: an added token, or (id -1) text between two.
struct TextPart {
  std::string_view text;
  int32_t id;
};

/// Finds one set of strings in text: leftmost first, longest among those.
class TokenMatcher {
 public:
  /// Adds a string; the first of equal strings stays.
  void Add(std::string_view text, size_t value);
  bool empty() const { return nodes_.size() == 1; }
  /// The next match in text[from...]: begin, end and value.
  bool Find(std::string_view text, size_t from, size_t& begin, size_t& end, size_t& value) const;

 private:
  struct Node {
    std::vector<std::pair<uint8_t, uint32_t>> next;  // sorted by byte
    size_t value = SIZE_MAX;
  };
  std::vector<Node> nodes_ = std::vector<Node>(1);
  std::array<uint32_t, 256> first_{};  // child of the root by first byte, 0 for none
};

/// All added tokens of a tokenizer. Const calls are thread-safe.
class AddedTokens {
 public:
  AddedTokens() = default;
  /// Reads `added_tokens`; ids are given out as the reference does: a token of the vocabulary keeps
  /// its id, others follow the largest, whatever the file says.
  AddedTokens(const JsonNode& list, const StringTable& vocabulary, const Normalizer& normalizer);

  /// Adds one more. Its id is the one that reading the file anew would give it.
  const AddedToken& Add(AddedToken token, const StringTable& vocabulary,
                        const Normalizer& normalizer);

  /// Cuts raw text at the tokens that are looked for before the normaliser, normalised text at the
  /// others.
  void CutRaw(std::string_view text, std::vector<TextPart>& parts) const;
  void CutNormalized(std::string_view text, std::vector<TextPart>& parts) const;

  const std::vector<AddedToken>& tokens() const { return tokens_; }
  const AddedToken* FindContent(std::string_view content) const;
  bool IsSpecial(std::string_view content) const { return special_.contains(std::string(content)); }

 private:
  void Index(const Normalizer& normalizer);
  int32_t NextId(const StringTable& vocabulary) const;
  void Cut(std::string_view text, const TokenMatcher& matcher, std::vector<TextPart>& parts) const;

  std::vector<AddedToken> tokens_;
  std::unordered_set<std::string> special_;
  TokenMatcher raw_;
  TokenMatcher normalized_;
};

}  // namespace meap
