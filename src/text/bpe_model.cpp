// Encoding of pre-tokens; bpe_load.cpp reads the model.
#include "text/bpe_model.h"

#include <algorithm>

#include "core/error.h"
#include "text/utf8.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace meap {
namespace {

constexpr size_t kUnderlineClass = 128;  // U+2581, SentencePiece's space
constexpr size_t kOtherClass = 129;

size_t CharacterClass(const char* p) {
  const auto byte = static_cast<uint8_t>(*p);
  if (byte < 0x80) return byte;
  return std::string_view(p, Utf8Length(*p)) == "\xE2\x96\x81" ? kUnderlineClass : kOtherClass;
}

[[noreturn]] void FailMissingUnk() {
  throw InputError({.what = "a character needs the unknown token, which is not in the vocabulary",
                    .where = "tokenizer.json: model.unk_token"});
}

}  // namespace

void BpeModel::PrepareCuts(const std::vector<std::pair<int32_t, int32_t>>& pairs) {
  // A cut must not change the symbols either: they depend on a word's ends with a prefix or suffix,
  // on the whole with ignore_merges, and on neighbours where characters may be dropped or become
  // <unk>. So the vocabulary must have a symbol for every character or every byte.
  if (bytes_ || ignore_merges_ || !prefix_.empty() || !suffix_.empty() || !byte_fallback_on_)
    return;
  for (const int32_t id : byte_fallback_) {
    if (id < 0) return;
  }
  std::vector<uint8_t> joinable(kClasses * kClasses, 0);
  std::vector<bool> is_byte;
  std::vector<std::string_view> texts;
  for (size_t i = 0; i < vocabulary_.size(); ++i) {
    const auto id = static_cast<size_t>(vocabulary_.Id(i));
    if (id >= texts.size()) texts.resize(id + 1);
    texts[id] = vocabulary_.Text(i);
  }
  is_byte.resize(texts.size(), false);
  for (const int32_t id : byte_fallback_) is_byte[static_cast<size_t>(id)] = true;
  for (const auto& [left, right] : pairs) {
    if (is_byte[static_cast<size_t>(left)] || is_byte[static_cast<size_t>(right)]) return;
    const std::string_view a = texts[static_cast<size_t>(left)];
    const std::string_view b = texts[static_cast<size_t>(right)];
    if (a.empty() || b.empty()) return;
    const size_t last = CharacterClass(a.data() + PreviousStart(a, a.size()));
    joinable[last * kClasses + CharacterClass(b.data())] = 1;
  }
  joinable_ = std::move(joinable);
}

void BpeModel::EncodePiece(std::string_view piece, BpeScratch& scratch, IdBuffer& out) const {
  if (joinable_.empty()) {
    EncodeWord(piece, scratch, out);
    return;
  }
  const char* at = piece.data();
  const char* const end = at + piece.size();
  while (at < end) {
    const char* stop = at + Utf8Length(*at);
    size_t last = CharacterClass(at);
    while (stop < end) {
      const size_t next = CharacterClass(stop);
      if (joinable_[last * kClasses + next] == 0) break;
      last = next;
      stop += Utf8Length(*stop);
    }
    EncodeWord({at, static_cast<size_t>(stop - at)}, scratch, out);
    at = stop;
  }
}

void BpeModel::EncodeWord(std::string_view word, BpeScratch& scratch, IdBuffer& out) const {
  const uint64_t hash = XXH3_64bits(word.data(), word.size());
  if (scratch.cache.Find(word, hash, out)) return;
  const size_t before = out.size();
  EncodeUnknownWord(word, scratch, out);
  scratch.cache.Insert(word, hash, out.data() + before, out.size() - before);
}

void BpeModel::EncodeUnknownWord(std::string_view word, BpeScratch& scratch, IdBuffer& out) const {
  if (ignore_merges_) {
    const int32_t id = (bytes_ ? byte_vocabulary_ : vocabulary_).Find(word);
    if (id >= 0) {
      out.Push(id);
      return;
    }
  }
  IdBuffer& symbols = scratch.symbols;
  symbols.Clear();
  if (bytes_) {
    BytesToSymbols(word, symbols);
  } else {
    CharactersToSymbols(word, symbols);
  }
  int32_t* ids = symbols.Room(0) - symbols.size();
  out.Append(ids, MergeSymbols(*merges_, ids, symbols.size(), scratch));
}

int BpeModel::FallbackByte(int32_t id) const {
  if (!byte_fallback_on_ || id < 0) return -1;
  const auto found = std::find(byte_fallback_.begin(), byte_fallback_.end(), id);
  return found == byte_fallback_.end() ? -1 : static_cast<int>(found - byte_fallback_.begin());
}

void BpeModel::BytesToSymbols(std::string_view word, IdBuffer& symbols) const {
  int32_t* ids = symbols.Room(word.size());
  size_t count = 0;
  for (const char c : word) {
    ids[count] = byte_ids_[static_cast<uint8_t>(c)];
    count += ids[count] >= 0;  // bytes without a symbol are dropped
  }
  symbols.Add(count);
}

void BpeModel::CharactersToSymbols(std::string_view word, IdBuffer& symbols) const {
  bool unk_waits = false;
  std::string decorated;
  for (size_t i = 0; i < word.size();) {
    const size_t length = Utf8Length(word[i]);
    std::string_view character = word.substr(i, length);
    const bool first = i == 0;
    i += length;
    const bool last = i == word.size();
    if ((!first && !prefix_.empty()) || (last && !suffix_.empty())) {
      decorated = (first ? "" : prefix_) + std::string(character) + (last ? suffix_ : "");
      character = decorated;
    }
    const int32_t id = vocabulary_.Find(character);
    if (id >= 0) {
      if (unk_waits) symbols.Push(unk_id_);
      unk_waits = false;
      symbols.Push(id);
      continue;
    }
    if (byte_fallback_on_) {
      int32_t* bytes = symbols.Room(character.size());
      size_t known = 0;
      for (const char c : character) {
        bytes[known] = byte_fallback_[static_cast<uint8_t>(c)];
        if (bytes[known++] < 0) known = character.size() + 1;
        if (known > character.size()) break;
      }
      // Like the reference, an <unk> that waits to be fused comes after these bytes.
      if (known == character.size()) {
        symbols.Add(known);
        continue;
      }
    }
    if (unk_id_ == kNoUnk) continue;  // without an unknown token the character is dropped
    if (unk_id_ == kMissingUnk) FailMissingUnk();
    if (unk_waits && !fuse_unk_) symbols.Push(unk_id_);
    unk_waits = true;
  }
  if (unk_waits) symbols.Push(unk_id_);
}

}  // namespace meap
