// Tokenizers: Hugging Face's tokenizer.json (BPE) and SentencePiece's tokenizer.model.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace meap {

/// Text to ids and back, equal to Hugging Face `tokenizers` on every string. Loading, AddMaskToken
/// and assignment need the object for themselves; const calls may run on any number of threads.
class Tokenizer {
 public:
  /// Reads a folder: `tokenizer.json`, or `tokenizer.model` where there is none; beside it
  /// `tokenizer_config.json`, `special_tokens_map.json` and `chat_template.jinja` as far as they
  /// exist. Missing or broken files, and anything in them that would change ids and is not
  /// supported, are an InputError that names the file and the place in it.
  static Tokenizer Load(const std::filesystem::path& dir);
  /// The same from the text of a tokenizer.json and of a tokenizer_config.json ("" for none).
  static Tokenizer FromJson(std::string_view tokenizer_json, std::string_view config_json = {});

  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

  /// The ids of a UTF-8 text; with `add_special`, with what the post-processor puts around it.
  /// Ill-formed parts of the text count as U+FFFD.
  std::vector<int32_t> Encode(std::string_view text, bool add_special) const;
  /// The same, appended to `ids`.
  void Encode(std::string_view text, bool add_special, std::vector<int32_t>& ids) const;
  /// Encode(text, false), and in `starts`, for each id, the byte of `text` at which its first
  /// character stands: what tells which part of a text a token belongs to. Text that is not UTF-8
  /// is an InputError.
  std::vector<int32_t> EncodeWithStarts(std::string_view text, std::vector<size_t>& starts) const;
  /// Encode() for many texts on up to `threads` threads; results in order.
  std::vector<std::vector<int32_t>> EncodeBatch(std::span<const std::string_view> texts,
                                                bool add_special, int threads) const;

  /// The text of ids. Ids without a token are passed over; with `skip_special` special tokens too.
  std::string Decode(std::span<const int32_t> ids, bool skip_special) const;

  /// The largest id plus one, added tokens included: the rows an embedding needs.
  int32_t VocabSize() const;
  std::optional<int32_t> TokenToId(std::string_view token) const;
  /// The token's written form ("\u0120the"), or nothing for an id without a token.
  std::optional<std::string> IdToToken(int32_t id) const;
  /// True for special added tokens (and SentencePiece's control tokens).
  bool IsSpecial(int32_t id) const;
  /// True for every added token, special or not (and SentencePiece's user-defined ones).
  bool IsAdded(int32_t id) const;

  /// The tokens that tokenizer_config.json (or special_tokens_map.json) names bos_token, eos_token,
  /// pad_token, unk_token, mask_token; nothing where none is named.
  std::optional<int32_t> bos() const;
  std::optional<int32_t> eos() const;
  std::optional<int32_t> pad() const;
  std::optional<int32_t> unk() const;
  std::optional<int32_t> mask() const;
  /// True when the post-processor itself puts bos() first.
  bool AddsBos() const;
  /// The Jinja chat template, "" for none. Of several named ones, "default".
  const std::string& chat_template() const;

  /// Makes sure that there is a mask token: takes an added token "[MASK]" where there is one, else
  /// adds "[MASK]" as a special token with the next id. Returns its id. Encoding of texts without
  /// "[MASK]" in them does not change.
  int32_t AddMaskToken();

  /// Makes the token with that id eos(), where the files name none.
  void NameEos(int32_t id);

  /// Makes `source`, a Jinja template, the only chat template.
  void SetChatTemplate(const std::string& source);

  /// Writes the tokenizer's files to `dir` (made if need be), each whole or not at all, so that
  /// Hugging Face transformers loads the same tokenizer. Files that need no change are copied byte
  /// for byte.
  void Save(const std::filesystem::path& dir) const;

  /// 16 hexadecimal digits that change whenever ids could: a key for caches of encoded text. Adding
  /// a mask token changes them, for "[MASK]" in a text is then another id.
  std::string ContentHash() const;

  /// ContentHash() and after it those of the same tokenizer before AddMaskToken() and Save()
  /// changed its files: text that any of them encoded has the ids of this one.
  std::vector<std::string> DataHashes() const;

 private:
  friend class StreamDecoder;
  class Impl;
  explicit Tokenizer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Decodes ids that arrive one by one: the pieces joined are what Decode() gives for all ids, and
/// each piece is well-formed UTF-8. The tokenizer must outlive it. Not thread-safe.
class StreamDecoder {
 public:
  StreamDecoder(const Tokenizer& tokenizer, bool skip_special)
      : tokenizer_(&tokenizer), skip_special_(skip_special) {}

  /// Takes one more id; returns the text that is certain now, possibly "".
  std::string Push(int32_t id);
  /// Returns what is left and starts anew.
  std::string Finish();

 private:
  std::string Release();

  const Tokenizer* tokenizer_;
  bool skip_special_;
  std::vector<int32_t> pending_;  // `context_` ids whose text is out, then ids whose is not
  size_t context_ = 0;
  std::string bytes_;  // of ByteLevel tokens, not out yet
};

}  // namespace meap
