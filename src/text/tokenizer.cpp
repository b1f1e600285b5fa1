#include "text/tokenizer.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/console.h"
#include "core/error.h"
#include "core/files.h"
#include "core/parallel.h"
#include "core/strings.h"
#include "text/backend.h"
#include "text/json_backend.h"
#include "text/sp_backend.h"
#include "text/tokenizer_config.h"
#include "text/tokenizer_impl.h"
#include "text/utf8.h"

namespace meap {
namespace {

constexpr const char* kMaskContent = "[MASK]";

/// `file` is the one that says how text becomes ids.
std::string HashOf(std::string file, const std::map<std::string, int32_t>& named) {
  for (const auto& [name, id] : named) file += "\n" + name + "=" + std::to_string(id);
  return HashHex(file.data(), file.size());
}

[[noreturn]] void CannotAdd(const AddedToken& token, const std::string& place,
                            const std::string& expected) {
  throw InputError({.what = "a token that stands beside the vocabulary cannot be added to it",
                    .where = place + "tokenizer_config.json or added_tokens.json",
                    .expected = expected,
                    .got = fmt::format("\"{}\" with id {}", token.content, token.id),
                    .hint = "load the folder once with transformers' AutoTokenizer and use the one "
                            "that it saves"});
}

/// The tokenizer.json with the tokens that only the files beside it name, as transformers loads it.
/// True when there were such tokens.
bool AddTokensBeside(std::string& json, const TokenizerBackend& backend,
                     const TokenizerConfig& config, const std::string& place) {
  int32_t next = backend.VocabSize();
  for (const auto& [id, token] : config.added) {
    if (backend.TokenToId(token.content)) continue;
    if (id != next) CannotAdd(token, place, fmt::format("the next id, {}", next));
    json = AppendToTopLevelArray(json, "added_tokens", AddedTokenEntry(token));
    ++next;
  }
  return next > backend.VocabSize();
}

/// The same for a SentencePiece model.
void AddTokensBeside(SpBackend& backend, const TokenizerConfig& config, const std::string& place) {
  for (const auto& [id, token] : config.added) {
    if (backend.IdToToken(id) == token.content) continue;
    const std::optional<int32_t> known = backend.TokenToId(token.content);
    if (known) CannotAdd(token, place, fmt::format("the model's id of it, {}", *known));
    if (id != backend.VocabSize()) {
      CannotAdd(token, place, fmt::format("the next id, {}", backend.VocabSize()));
    }
    if (token.lstrip || token.rstrip || token.single_word) {
      CannotAdd(token, place, "a token without lstrip, rstrip and single_word");
    }
    backend.AddToken(token.content, token.special);
  }
}

/// The size of the SentencePiece model where `json` is what Save() makes of it and of the tokens
/// beside it.
std::optional<int32_t> ModelSizeIfJsonOf(const std::string& model, const TokenizerConfig& config,
                                         const std::string& json, std::optional<int32_t> mask) {
  SpBackend backend(model, "tokenizer.model", config.add_bos_token, config.add_eos_token);
  if (!backend.CanBeJson()) return std::nullopt;
  try {
    AddTokensBeside(backend, config, "");
  } catch (const InputError&) {
    return std::nullopt;
  }
  if (mask == backend.VocabSize()) backend.AddSpecialToken(kMaskContent);
  if (WithStringMerges(backend.ToJson()) != WithStringMerges(json)) return std::nullopt;
  return backend.first_added();
}

/// What a SentencePiece model's hash counts beside it: `named`, and the tokens behind its own but
/// for a new mask.
std::map<std::string, int32_t> NamedAndAdded(std::map<std::string, int32_t> named,
                                             const TokenizerConfig& config, int32_t first_added) {
  for (const auto& [id, token] : config.added) {
    if (id >= first_added && token.content != kMaskContent) named["added " + token.content] = id;
  }
  return named;
}

}  // namespace

Tokenizer::Impl::Impl(TokenizerFiles files, const std::string& place)
    : files_(std::move(files)), config_(ReadTokenizerConfig(files_, place)) {
  if (files_.contains("tokenizer.json")) {
    ReadJson(place);
    if (AddTokensBeside(files_["tokenizer.json"], *backend_, config_, place)) ReadJson(place);
  } else {
    auto backend = std::make_unique<SpBackend>(files_["tokenizer.model"], place + "tokenizer.model",
                                               config_.add_bos_token, config_.add_eos_token);
    AddTokensBeside(*backend, config_, place);
    config_.names.merge(backend->OwnNames());  // names from the files win
    backend_ = std::move(backend);
  }
  for (const auto& [name, content] : config_.names) {
    if (const std::optional<int32_t> id = backend_->TokenToId(content)) {
      named_[name] = *id;
    } else {
      Warn(fmt::format("{}: {} \"{}\" is not in the vocabulary; meap goes on without it",
                       place + "tokenizer_config.json", name, content));
    }
  }
}

void Tokenizer::Impl::ReadJson(const std::string& place) {
  const JsonDocument document(files_["tokenizer.json"], place + "tokenizer.json");
  backend_ = std::make_unique<JsonBackend>(document.root());
}

void Tokenizer::Impl::NameEos(int32_t id) {
  const std::optional<std::string> content = backend_->IdToToken(id);
  if (!content) return;
  config_.names["eos_token"] = *content;
  named_["eos_token"] = id;
  AddNamesToFiles(files_, {{"eos_token", *content}});
}

std::optional<int32_t> Tokenizer::Impl::Named(const char* name) const {
  const auto found = named_.find(name);
  return found == named_.end() ? std::nullopt : std::optional(found->second);
}

int32_t Tokenizer::Impl::AddMaskToken() {
  if (const std::optional<int32_t> id = Named("mask_token")) return *id;
  std::optional<int32_t> id = backend_->AddedTokenId(kMaskContent);
  const bool is_new = !id;
  if (is_new) {
    const int32_t size = backend_->VocabSize();
    const bool in_vocabulary = backend_->TokenToId(kMaskContent).has_value();
    id = backend_->AddSpecialToken(kMaskContent);
    if (!in_vocabulary && *id != size) {
      throw InputError({.what = "no mask token can be added: the vocabulary's ids have holes, and "
                                "the next id that Hugging Face tokenizers gives out is taken",
                        .expected = "id " + std::to_string(size),
                        .got = "id " + std::to_string(*id),
                        .hint = "add a token \"[MASK]\" to the tokenizer yourself and name it "
                                "mask_token in tokenizer_config.json"});
    }
  }
  AddMaskToFiles(files_, kMaskContent, *id, is_new);
  config_.names["mask_token"] = kMaskContent;
  named_["mask_token"] = *id;
  return *id;
}

void Tokenizer::Impl::SetChatTemplate(const std::string& source) {
  SetTemplateInFiles(files_, source, config_.names);
  config_.chat_template = source;
}

std::string Tokenizer::Impl::ContentHash() const {
  const auto json = files_.find("tokenizer.json");
  if (json != files_.end()) return HashOf(WithStringMerges(json->second), named_);
  return HashOf(files_.at("tokenizer.model"),
                NamedAndAdded(named_, config_, sentence_piece()->first_added()));
}

std::vector<std::string> Tokenizer::Impl::DataHashes() const {
  std::vector<std::string> hashes{ContentHash()};
  const auto add = [&](const std::string& file, const std::map<std::string, int32_t>& named) {
    const std::string hash = HashOf(file, named);
    if (std::find(hashes.begin(), hashes.end(), hash) == hashes.end()) hashes.push_back(hash);
  };
  const std::optional<int32_t> mask = Named("mask_token");
  std::map<std::string, int32_t> unmasked = named_;
  unmasked.erase("mask_token");
  const auto json = files_.find("tokenizer.json");
  const auto model = files_.find("tokenizer.model");
  if (json != files_.end()) {
    const std::string entry = AddedTokenEntry(kMaskContent, mask.value_or(-1));
    const std::string merged = WithStringMerges(json->second);
    for (const std::string* text : {&merged, &json->second}) {
      add(*text, named_);
      add(WithoutAppended(*text, "added_tokens", entry), unmasked);
    }
  }
  if (model == files_.end()) return hashes;
  const std::optional<int32_t> own =
      json == files_.end() ? sentence_piece()->first_added()
                           : ModelSizeIfJsonOf(model->second, config_, json->second, mask);
  if (own) add(model->second, NamedAndAdded(unmasked, config_, *own));
  return hashes;
}

const SpBackend* Tokenizer::Impl::sentence_piece() const {
  return dynamic_cast<const SpBackend*>(backend_.get());
}

void Tokenizer::Impl::Save(const fs::path& dir) const {
  TokenizerFiles files = files_;
  if (const SpBackend* model = sentence_piece()) {
    // Without a new token the model alone says everything; transformers finds a new one in JSON.
    if (model->has_new_tokens() || model->CanBeJson()) {
      files["tokenizer.json"] = model->ToJson();
      AddNamesToFiles(files, config_.names);  // which a tokenizer.json cannot tell
    }
  }
  MakeReadableByOlder(files);
  MakeOutputDirectory(dir, "the tokenizer's folder");
  for (const auto& [name, text] : files) WriteFileAtomically(dir / name, text);
}

Tokenizer::Tokenizer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

Tokenizer Tokenizer::Load(const fs::path& dir) {
  return Tokenizer(std::make_unique<Impl>(ReadTokenizerFiles(dir), (dir / "").string()));
}

Tokenizer Tokenizer::FromJson(std::string_view tokenizer_json, std::string_view config_json) {
  TokenizerFiles files{{"tokenizer.json", std::string(tokenizer_json)}};
  if (!config_json.empty()) files["tokenizer_config.json"] = config_json;
  return Tokenizer(std::make_unique<Impl>(std::move(files), ""));
}

void Tokenizer::Encode(std::string_view text, bool add_special, std::vector<int32_t>& ids) const {
  if (IsValidUtf8(text)) {
    impl_->backend().Encode(text, add_special, ids);
  } else {
    impl_->backend().Encode(ReplaceInvalidUtf8(text), add_special, ids);
  }
}

std::vector<int32_t> Tokenizer::Encode(std::string_view text, bool add_special) const {
  std::vector<int32_t> ids;
  Encode(text, add_special, ids);
  return ids;
}

std::vector<int32_t> Tokenizer::EncodeWithStarts(std::string_view text,
                                                 std::vector<size_t>& starts) const {
  if (!IsValidUtf8(text)) throw InputError({.what = "a text is not UTF-8", .expected = "UTF-8"});
  std::vector<int32_t> ids;
  starts.clear();
  impl_->backend().EncodeWithStarts(text, ids, starts);
  return ids;
}

std::vector<std::vector<int32_t>> Tokenizer::EncodeBatch(std::span<const std::string_view> texts,
                                                         bool add_special, int threads) const {
  std::vector<std::vector<int32_t>> results(texts.size());
  ParallelFor(texts.size(), threads, [&](size_t i) { Encode(texts[i], add_special, results[i]); });
  return results;
}

std::string Tokenizer::Decode(std::span<const int32_t> ids, bool skip_special) const {
  return impl_->backend().Decode(ids, skip_special);
}

int32_t Tokenizer::VocabSize() const { return impl_->backend().VocabSize(); }
std::optional<int32_t> Tokenizer::TokenToId(std::string_view token) const {
  return impl_->backend().TokenToId(token);
}
std::optional<std::string> Tokenizer::IdToToken(int32_t id) const {
  return impl_->backend().IdToToken(id);
}
bool Tokenizer::IsSpecial(int32_t id) const { return impl_->backend().IsSpecial(id); }
bool Tokenizer::IsAdded(int32_t id) const { return impl_->backend().IsAdded(id); }

std::optional<int32_t> Tokenizer::bos() const { return impl_->Named("bos_token"); }
std::optional<int32_t> Tokenizer::eos() const { return impl_->Named("eos_token"); }
std::optional<int32_t> Tokenizer::pad() const { return impl_->Named("pad_token"); }
std::optional<int32_t> Tokenizer::unk() const { return impl_->Named("unk_token"); }
std::optional<int32_t> Tokenizer::mask() const { return impl_->Named("mask_token"); }
bool Tokenizer::AddsBos() const {
  const std::optional<int32_t> first = impl_->backend().FirstAdded();
  return first.has_value() && first == bos();
}
const std::string& Tokenizer::chat_template() const { return impl_->config().chat_template; }

int32_t Tokenizer::AddMaskToken() { return impl_->AddMaskToken(); }
void Tokenizer::NameEos(int32_t id) { impl_->NameEos(id); }
void Tokenizer::SetChatTemplate(const std::string& source) { impl_->SetChatTemplate(source); }
void Tokenizer::Save(const fs::path& dir) const { impl_->Save(dir); }
std::string Tokenizer::ContentHash() const { return impl_->ContentHash(); }
std::vector<std::string> Tokenizer::DataHashes() const { return impl_->DataHashes(); }

}  // namespace meap
