// The inside of Tokenizer.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "text/backend.h"
#include "text/sp_backend.h"
#include "text/tokenizer.h"
#include "text/tokenizer_config.h"

namespace meap {

class Tokenizer::Impl {
 public:
  /// `place` is put before file names in messages.
  Impl(TokenizerFiles files, const std::string& place);

  const TokenizerBackend& backend() const { return *backend_; }
  const TokenizerConfig& config() const { return config_; }
  std::optional<int32_t> Named(const char* name) const;
  int32_t AddMaskToken();
  void NameEos(int32_t id);
  void SetChatTemplate(const std::string& source);
  void Save(const std::filesystem::path& dir) const;
  std::string ContentHash() const;
  std::vector<std::string> DataHashes() const;

 private:
  /// The SentencePiece model where there is no tokenizer.json, else null.
  const SpBackend* sentence_piece() const;
  void ReadJson(const std::string& place);

  TokenizerFiles files_;
  TokenizerConfig config_;
  std::unique_ptr<TokenizerBackend> backend_;
  std::map<std::string, int32_t> named_;  // "bos_token" to its id
};

}  // namespace meap
