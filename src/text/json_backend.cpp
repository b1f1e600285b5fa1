#include "text/json_backend.h"

#include <algorithm>

#include "text/token_starts.h"
#include "text/utf8.h"

namespace meap {
namespace {

// A scratch that one huge text made larger than this is not kept.
constexpr size_t kLargestKept = size_t{1} << 22;

}  // namespace

JsonBackend::JsonBackend(const JsonNode& root) {
  // `truncation` and `padding` are passed over, as transformers does: both are a caller's business.
  ReadParts(root);
  IndexTokens();
}

void JsonBackend::ReadParts(const JsonNode& root) {
  const JsonNode model = root.Field("model");
  const auto type = model.Optional("type");
  if (type && type->String() != "BPE") {
    type->FailUnsupported(
        "\"BPE\" (SentencePiece unigram models are read from a tokenizer.model without a "
        "tokenizer.json beside it)");
  }
  if (!type && !model.Optional("merges")) model.FailExpected("a model of type \"BPE\"");
  const auto pre_tokenizer = root.Optional("pre_tokenizer");
  const bool bytes = pre_tokenizer && PreTokenizer::EndsInByteLevel(*pre_tokenizer) &&
                     BpeModel::BytesAreEnough(model);
  model_.emplace(model, bytes);
  if (const auto node = root.Optional("normalizer")) normalizer_ = Normalizer(*node);
  if (pre_tokenizer) {
    pre_tokenizer_ = PreTokenizer(*pre_tokenizer, bytes);
    if (pre_tokenizer_.depends_on_start() && normalizer_.may_cut_start()) {
      pre_tokenizer->FailUnsupported(
          "a Metaspace with prepend_scheme \"first\" only where no normaliser may take characters "
          "from the start of the text");
    }
  }
  if (const auto node = root.Optional("post_processor")) post_processor_ = PostProcessor(*node);
  if (const auto node = root.Optional("decoder")) decoder_ = TokenDecoder(*node);
  if (const auto node = root.Optional("added_tokens")) {
    added_ = AddedTokens(*node, model_->vocabulary(), normalizer_);
  }
}

void JsonBackend::IndexTokens() {
  tokens_.clear();
  const auto set = [&](int32_t id, std::string_view text) {
    if (static_cast<size_t>(id) >= tokens_.size()) tokens_.resize(static_cast<size_t>(id) + 1);
    Token& token = tokens_[static_cast<size_t>(id)];
    token = {std::string(text), true, added_.IsSpecial(text)};
  };
  const StringTable& vocabulary = model_->vocabulary();
  for (size_t i = 0; i < vocabulary.size(); ++i) set(vocabulary.Id(i), vocabulary.Text(i));
  for (const AddedToken& token : added_.tokens()) {
    set(token.id, token.content);
    tokens_[static_cast<size_t>(token.id)].added = true;
  }
  token_bytes_.clear();
  if (!decoder_.is_byte_level()) return;
  for (const Token& token : tokens_) {
    token_bytes_.push_back(ByteLevelBytes(token.text).value_or(token.text));
  }
}

std::unique_ptr<JsonBackend::Scratch> JsonBackend::TakeScratch() const {
  {
    const std::scoped_lock lock(scratch_mutex_);
    if (!free_scratch_.empty()) {
      std::unique_ptr<Scratch> scratch = std::move(free_scratch_.back());
      free_scratch_.pop_back();
      return scratch;
    }
  }
  return std::make_unique<Scratch>();
}

void JsonBackend::ReturnScratch(std::unique_ptr<Scratch> scratch) const {
  if (scratch->ids.capacity() > kLargestKept || scratch->bpe.heap.capacity() > kLargestKept) return;
  const std::scoped_lock lock(scratch_mutex_);
  free_scratch_.push_back(std::move(scratch));
}

void JsonBackend::EncodeText(std::string_view text, bool at_start, Scratch& scratch) const {
  pre_tokenizer_.ForEach(text, at_start, [&](std::string_view piece) {
    model_->EncodePiece(piece, scratch.bpe, scratch.ids);
  });
}

void JsonBackend::EncodeParts(std::string_view text, Scratch& scratch,
                              std::vector<size_t>* starts) const {
  IdBuffer& out = scratch.ids;
  std::vector<size_t> sources;  // for each byte of `body`, the byte of the raw text it comes from
  scratch.raw_parts.clear();
  added_.CutRaw(text, scratch.raw_parts);
  for (const TextPart& raw : scratch.raw_parts) {
    const auto offset = static_cast<size_t>(raw.text.data() - text.data());
    if (raw.id >= 0) {
      out.Push(raw.id);
      if (starts != nullptr) starts->push_back(offset);
      continue;
    }
    std::string normal;
    std::string_view body = raw.text;
    if (!normalizer_.empty()) {
      body = normal = starts == nullptr ? normalizer_.Apply(raw.text)
                                        : normalizer_.ApplyWithStarts(raw.text, sources);
    }
    scratch.parts.clear();
    added_.CutNormalized(body, scratch.parts);
    for (const TextPart& part : scratch.parts) {
      const size_t first = out.size();
      if (part.id >= 0) {
        out.Push(part.id);
      } else {
        const bool at_start = offset == 0 && part.text.data() == body.data();
        EncodeText(part.text, at_start, scratch);
      }
      if (starts == nullptr) continue;
      const size_t known = starts->size();
      AppendTokenStarts(
          part.text, {out.data() + first, out.size() - first},
          [this](int32_t id) { return Surface(id); }, *starts);
      const auto begin = static_cast<size_t>(part.text.data() - body.data());
      for (size_t i = known; i < starts->size(); ++i) {
        const size_t at = begin + (*starts)[i];
        (*starts)[i] = offset + (sources.empty() ? at : sources[at]);
      }
    }
  }
}

std::optional<std::string_view> JsonBackend::Surface(int32_t id) const {
  if (decoder_.is_byte_level()) return token_bytes_[static_cast<size_t>(id)];
  if (model_->IsUnknown(id)) return std::nullopt;
  const std::string& text = tokens_[static_cast<size_t>(id)].text;
  if (!text.starts_with("<0x")) return text;
  static const std::string kBytes = [] {
    std::string all;
    for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
    return all;
  }();
  const int byte = model_->FallbackByte(id);
  return byte < 0 ? text : std::string_view(kBytes).substr(static_cast<size_t>(byte), 1);
}

void JsonBackend::Encode(std::string_view text, bool add_special, std::vector<int32_t>& ids) const {
  std::unique_ptr<Scratch> scratch = TakeScratch();
  IdBuffer& out = scratch->ids;
  out.Clear();
  if (add_special) out.Append(post_processor_.before.data(), post_processor_.before.size());
  EncodeParts(text, *scratch, nullptr);
  if (add_special) out.Append(post_processor_.after.data(), post_processor_.after.size());
  ids.insert(ids.end(), out.data(), out.data() + out.size());
  ReturnScratch(std::move(scratch));
}

void JsonBackend::EncodeWithStarts(std::string_view text, std::vector<int32_t>& ids,
                                   std::vector<size_t>& starts) const {
  std::unique_ptr<Scratch> scratch = TakeScratch();
  scratch->ids.Clear();
  EncodeParts(text, *scratch, &starts);
  ids.insert(ids.end(), scratch->ids.data(), scratch->ids.data() + scratch->ids.size());
  ReturnScratch(std::move(scratch));
}

std::string JsonBackend::Decode(std::span<const int32_t> ids, bool skip_special) const {
  const auto kept = [&](int32_t id) {
    return Present(id) && !(skip_special && tokens_[static_cast<size_t>(id)].special);
  };
  if (decoder_.is_byte_level()) {
    std::string bytes;
    for (const int32_t id : ids) {
      if (kept(id)) bytes += token_bytes_[static_cast<size_t>(id)];
    }
    return ReplaceInvalidUtf8(bytes);
  }
  std::vector<std::string> tokens;
  tokens.reserve(ids.size());
  for (const int32_t id : ids) {
    if (kept(id)) tokens.push_back(tokens_[static_cast<size_t>(id)].text);
  }
  return decoder_.Decode(std::move(tokens));
}

std::optional<int32_t> JsonBackend::TokenToId(std::string_view token) const {
  if (const AddedToken* added = added_.FindContent(token)) return added->id;
  const int32_t id = model_->vocabulary().Find(token);
  return id >= 0 ? std::optional(id) : std::nullopt;
}

std::optional<std::string> JsonBackend::IdToToken(int32_t id) const {
  if (!Present(id)) return std::nullopt;
  return tokens_[static_cast<size_t>(id)].text;
}

bool JsonBackend::IsSpecial(int32_t id) const {
  return Present(id) && tokens_[static_cast<size_t>(id)].special;
}

bool JsonBackend::IsAdded(int32_t id) const {
  return Present(id) && tokens_[static_cast<size_t>(id)].added;
}

std::optional<int32_t> JsonBackend::AddedTokenId(std::string_view content) const {
  const AddedToken* added = added_.FindContent(content);
  return added == nullptr ? std::nullopt : std::optional(added->id);
}

std::optional<int32_t> JsonBackend::FirstAdded() const {
  if (post_processor_.before.empty()) return std::nullopt;
  return post_processor_.before[0];
}

std::string JsonBackend::TokenBytes(int32_t id) const {
  return Present(id) && decoder_.is_byte_level() ? token_bytes_[static_cast<size_t>(id)] : "";
}

int32_t JsonBackend::AddSpecialToken(std::string_view content) {
  AddedToken token;
  token.content = content;
  token.special = true;
  const int32_t id = added_.Add(std::move(token), model_->vocabulary(), normalizer_).id;
  IndexTokens();
  return id;
}

}  // namespace meap
