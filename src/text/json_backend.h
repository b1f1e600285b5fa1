// The pipeline of a tokenizer.json: added tokens, normaliser, pre-tokeniser, BPE, post-processor,
// decoder.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "text/added_tokens.h"
#include "text/backend.h"
#include "text/bpe_model.h"
#include "text/decoder.h"
#include "text/normalizer.h"
#include "text/post_processor.h"
#include "text/pre_tokenizer.h"

namespace meap {

class JsonBackend : public TokenizerBackend {
 public:
  /// Reads the root of a tokenizer.json.
  explicit JsonBackend(const JsonNode& root);

  void Encode(std::string_view text, bool add_special, std::vector<int32_t>& ids) const override;
  void EncodeWithStarts(std::string_view text, std::vector<int32_t>& ids,
                        std::vector<size_t>& starts) const override;
  std::string Decode(std::span<const int32_t> ids, bool skip_special) const override;
  int32_t VocabSize() const override { return static_cast<int32_t>(tokens_.size()); }
  std::optional<int32_t> TokenToId(std::string_view token) const override;
  std::optional<std::string> IdToToken(int32_t id) const override;
  bool IsSpecial(int32_t id) const override;
  bool IsAdded(int32_t id) const override;
  std::optional<int32_t> AddedTokenId(std::string_view content) const override;
  std::optional<int32_t> FirstAdded() const override;
  TokenDecoder::Streaming streaming() const override { return decoder_.streaming(); }
  std::string TokenBytes(int32_t id) const override;
  int32_t AddSpecialToken(std::string_view content) override;

 private:
  struct Scratch {
    BpeScratch bpe;
    IdBuffer ids;
    std::vector<TextPart> raw_parts;
    std::vector<TextPart> parts;
  };
  struct Token {
    std::string text;
    bool present = false;
    bool special = false;
    bool added = false;
  };

  void ReadParts(const JsonNode& root);
  void IndexTokens();
  void EncodeText(std::string_view text, bool at_start, Scratch& scratch) const;
  /// Appends the ids to scratch.ids and, unless null, where they start.
  void EncodeParts(std::string_view text, Scratch& scratch, std::vector<size_t>* starts) const;
  /// What a token stands for in normalised text; nothing for the unknown token.
  std::optional<std::string_view> Surface(int32_t id) const;
  std::unique_ptr<Scratch> TakeScratch() const;
  void ReturnScratch(std::unique_ptr<Scratch> scratch) const;
  bool Present(int32_t id) const {
    return id >= 0 && static_cast<size_t>(id) < tokens_.size() &&
           tokens_[static_cast<size_t>(id)].present;
  }

  std::optional<BpeModel> model_;
  Normalizer normalizer_;
  PreTokenizer pre_tokenizer_;
  PostProcessor post_processor_;
  TokenDecoder decoder_;
  AddedTokens added_;
  std::vector<Token> tokens_;             // by id
  std::vector<std::string> token_bytes_;  // by id, for a ByteLevel decoder
  mutable std::mutex scratch_mutex_;
  mutable std::vector<std::unique_ptr<Scratch>> free_scratch_;
};

}  // namespace meap
