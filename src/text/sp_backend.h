// SentencePiece models (BPE and unigram) through the SentencePiece library.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "text/added_tokens.h"
#include "text/backend.h"
#include "text/sp_model.h"

namespace sentencepiece {
class SentencePieceProcessor;
}

namespace meap {

/// Encodes as the library does: control tokens are not found in text. Decodes as the tokenizer.json
/// of such a model does: tokens as they are written, U+2581 as a space.
class SpBackend : public TokenizerBackend {
 public:
  /// Reads a model's bytes; `where` names it in errors. Special tokens around a text: <s> first and
  /// </s> last, as asked for.
  SpBackend(const std::string& bytes, const std::string& where, bool add_bos, bool add_eos);
  ~SpBackend() override;

  void Encode(std::string_view text, bool add_special, std::vector<int32_t>& ids) const override;
  /// Control tokens are found in the text here, as transformers finds them in a chat.
  void EncodeWithStarts(std::string_view text, std::vector<int32_t>& ids,
                        std::vector<size_t>& starts) const override;
  std::string Decode(std::span<const int32_t> ids, bool skip_special) const override;
  int32_t VocabSize() const override { return static_cast<int32_t>(model_.pieces.size()); }
  std::optional<int32_t> TokenToId(std::string_view token) const override;
  std::optional<std::string> IdToToken(int32_t id) const override;
  bool IsSpecial(int32_t id) const override;
  bool IsAdded(int32_t id) const override;
  std::optional<int32_t> AddedTokenId(std::string_view content) const override;
  std::optional<int32_t> FirstAdded() const override;
  TokenDecoder::Streaming streaming() const override { return decoder_.streaming(); }
  std::string TokenBytes(int32_t) const override { return ""; }
  int32_t AddSpecialToken(std::string_view content) override { return AddToken(content, true); }
  /// Adds a token with the next id, which is found in texts as it stands.
  int32_t AddToken(std::string_view content, bool special);

  /// The model's own special tokens by their names in tokenizer_config.json.
  std::map<std::string, std::string> OwnNames() const;
  /// The first id behind the model's own.
  int32_t first_added() const { return first_added_; }
  bool has_new_tokens() const { return VocabSize() > first_added_; }
  /// The tokenizer.json that does the same; WorkError where there is none.
  bool CanBeJson() const { return WhyNotJson(model_).empty(); }
  std::string ToJson() const { return SpModelToJson(model_, before_, after_); }

 private:
  void AppendEncoded(std::string_view text, std::vector<int32_t>& ids) const;

  SpModel model_;
  std::unique_ptr<sentencepiece::SentencePieceProcessor> processor_;
  TokenDecoder decoder_;
  TokenMatcher added_;    // tokens that AddToken() put behind the model's own
  TokenMatcher special_;  // those and the model's control tokens
  int32_t first_added_;
  std::vector<int32_t> before_;
  std::vector<int32_t> after_;
};

}  // namespace meap
