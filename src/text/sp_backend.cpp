#include "text/sp_backend.h"

#include <sentencepiece_processor.h>

#include "core/error.h"

namespace meap {
namespace {

TokenDecoder MakeDecoder(const SpModel& model) {
  const JsonDocument document(SpDecoderJson(model), "decoder");
  return TokenDecoder(document.root());
}

bool Special(const SpModel::Piece& piece) {
  return piece.type == SpModel::PieceType::kControl || piece.type == SpModel::PieceType::kUnknown;
}

}  // namespace

SpBackend::SpBackend(const std::string& bytes, const std::string& where, bool add_bos, bool add_eos)
    : model_(ReadSpModel(bytes, where)),
      processor_(std::make_unique<sentencepiece::SentencePieceProcessor>()),
      decoder_(MakeDecoder(model_)),
      first_added_(static_cast<int32_t>(model_.pieces.size())) {
  const sentencepiece::util::Status status = processor_->LoadFromSerializedProto(bytes);
  if (!status.ok()) {
    throw InputError(
        {.what = "SentencePiece refuses this model", .where = where, .got = status.ToString()});
  }
  for (size_t i = 0; i < model_.pieces.size(); ++i) {
    if (model_.pieces[i].type == SpModel::PieceType::kControl)
      special_.Add(model_.pieces[i].text, i);
  }
  if (add_bos && processor_->bos_id() >= 0) before_.push_back(processor_->bos_id());
  if (add_eos && processor_->eos_id() >= 0) after_.push_back(processor_->eos_id());
}

SpBackend::~SpBackend() = default;

void SpBackend::AppendEncoded(std::string_view text, std::vector<int32_t>& ids) const {
  std::vector<int> pieces;
  const sentencepiece::util::Status status = processor_->Encode(text, &pieces);
  if (!status.ok()) {
    throw WorkError({.what = "SentencePiece cannot encode a text", .got = status.ToString()});
  }
  ids.insert(ids.end(), pieces.begin(), pieces.end());
}

void SpBackend::Encode(std::string_view text, bool add_special, std::vector<int32_t>& ids) const {
  if (add_special) ids.insert(ids.end(), before_.begin(), before_.end());
  size_t done = 0;
  size_t begin = 0;
  size_t end = 0;
  size_t id = 0;
  while (!added_.empty() && added_.Find(text, done, begin, end, id)) {
    if (begin > done) AppendEncoded(text.substr(done, begin - done), ids);
    ids.push_back(static_cast<int32_t>(id));
    done = end;
  }
  if (done < text.size()) AppendEncoded(text.substr(done), ids);
  if (add_special) ids.insert(ids.end(), after_.begin(), after_.end());
}

void SpBackend::EncodeWithStarts(std::string_view text, std::vector<int32_t>& ids,
                                 std::vector<size_t>& starts) const {
  const auto encode = [&](size_t from, size_t to) {
    sentencepiece::ImmutableSentencePieceText pieces;
    const sentencepiece::util::Status status =
        processor_->Encode(text.substr(from, to - from), pieces.mutable_proto());
    if (!status.ok()) {
      throw WorkError({.what = "SentencePiece cannot encode a text", .got = status.ToString()});
    }
    for (size_t i = 0; i < pieces.pieces_size(); ++i) {
      const auto piece = pieces.pieces(static_cast<int>(i));
      ids.push_back(static_cast<int32_t>(piece.id()));
      starts.push_back(from + piece.begin());
    }
  };
  size_t done = 0;
  size_t begin = 0;
  size_t end = 0;
  size_t id = 0;
  while (special_.Find(text, done, begin, end, id)) {
    if (begin > done) encode(done, begin);
    ids.push_back(static_cast<int32_t>(id));
    starts.push_back(begin);
    done = end;
  }
  if (done < text.size()) encode(done, text.size());
}

std::string SpBackend::Decode(std::span<const int32_t> ids, bool skip_special) const {
  std::vector<std::string> tokens;
  for (const int32_t id : ids) {
    if (id < 0 || id >= VocabSize() || (skip_special && IsSpecial(id))) continue;
    tokens.push_back(model_.pieces[static_cast<size_t>(id)].text);
  }
  return decoder_.Decode(std::move(tokens));
}

std::optional<int32_t> SpBackend::TokenToId(std::string_view token) const {
  for (size_t i = 0; i < model_.pieces.size(); ++i) {
    if (model_.pieces[i].text == token) return static_cast<int32_t>(i);
  }
  return std::nullopt;
}

std::optional<std::string> SpBackend::IdToToken(int32_t id) const {
  if (id < 0 || id >= VocabSize()) return std::nullopt;
  return model_.pieces[static_cast<size_t>(id)].text;
}

bool SpBackend::IsSpecial(int32_t id) const {
  return id >= 0 && id < VocabSize() && Special(model_.pieces[static_cast<size_t>(id)]);
}

bool SpBackend::IsAdded(int32_t id) const {
  if (id < 0 || id >= VocabSize()) return false;
  const SpModel::PieceType type = model_.pieces[static_cast<size_t>(id)].type;
  return id >= first_added_ || IsSpecial(id) || type == SpModel::PieceType::kUserDefined;
}

std::optional<int32_t> SpBackend::AddedTokenId(std::string_view content) const {
  const std::optional<int32_t> id = TokenToId(content);
  return id && (*id >= first_added_ || IsSpecial(*id)) ? id : std::nullopt;
}

std::optional<int32_t> SpBackend::FirstAdded() const {
  return before_.empty() ? std::nullopt : std::optional(before_[0]);
}

std::map<std::string, std::string> SpBackend::OwnNames() const {
  std::map<std::string, std::string> names;
  const auto add = [&](const char* name, int id) {
    if (id >= 0 && id < first_added_) names[name] = model_.pieces[static_cast<size_t>(id)].text;
  };
  add("bos_token", processor_->bos_id());
  add("eos_token", processor_->eos_id());
  add("pad_token", processor_->pad_id());
  add("unk_token", processor_->unk_id());
  return names;
}

int32_t SpBackend::AddToken(std::string_view content, bool special) {
  const int32_t id = VocabSize();
  model_.pieces.push_back(
      {std::string(content), 0,
       special ? SpModel::PieceType::kControl : SpModel::PieceType::kUserDefined});
  added_.Add(content, static_cast<size_t>(id));
  special_.Add(content, static_cast<size_t>(id));
  return id;
}

}  // namespace meap
