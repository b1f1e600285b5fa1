// Reading of a tokenizer.json's BPE model.
#include <unordered_map>

#include "core/error.h"
#include "text/bpe_model.h"
#include "text/utf8.h"

namespace meap {
namespace {

// Ids become rows of embedding tables; more rows than this is a broken file.
constexpr uint32_t kLargestId = (1u << 22) - 1;

StringTable ReadVocabulary(const JsonNode& node) {
  const simdjson::dom::object members = node.Object();
  StringTable table(node.Size());
  for (const auto& [text, element] : members) {
    uint64_t id = 0;
    if (element.get_uint64().get(id) != simdjson::SUCCESS || id > kLargestId) {
      throw InputError({.what = "an entry of the vocabulary has no usable id",
                        .where = node.where() + "[\"" + std::string(text) + "\"]",
                        .expected = "an integer from 0 to " + std::to_string(kLargestId),
                        .got = std::string(simdjson::minify(element))});
    }
    table.Set(text, static_cast<int32_t>(id));
  }
  return table;
}

[[noreturn]] void FailMerge(const JsonNode& merges, size_t index, const std::string& what,
                            const simdjson::dom::element& shown) {
  throw InputError({.what = what,
                    .where = merges.where() + "[" + std::to_string(index) + "]",
                    .expected = "two tokens whose join is in the vocabulary too",
                    .got = std::string(simdjson::minify(shown)),
                    .hint = "vocabulary and merges may come from different tokenizers"});
}

/// The two halves of one merge, written "a b" or ["a", "b"]; false for a version line.
bool SplitMerge(const JsonNode& merges, size_t index, const simdjson::dom::element& item,
                std::string_view& left, std::string_view& right) {
  std::string_view text;
  if (item.get_string().get(text) == simdjson::SUCCESS) {
    if (text.starts_with("#version")) return false;
    const size_t space = text.find(' ');
    if (space == std::string_view::npos || text.find(' ', space + 1) != std::string_view::npos) {
      FailMerge(merges, index, "a merge is not two tokens with one space between them", item);
    }
    left = text.substr(0, space);
    right = text.substr(space + 1);
    return true;
  }
  simdjson::dom::array pair;
  if (item.get_array().get(pair) != simdjson::SUCCESS || pair.size() != 2 ||
      pair.at(0).get_string().get(left) != simdjson::SUCCESS ||
      pair.at(1).get_string().get(right) != simdjson::SUCCESS) {
    FailMerge(merges, index, "a merge is neither \"a b\" nor [\"a\", \"b\"]", item);
  }
  return true;
}

}  // namespace

bool BpeModel::BytesAreEnough(const JsonNode& model) {
  if (model.Optional("continuing_subword_prefix") || model.Optional("end_of_word_suffix")) {
    return false;
  }
  // With a symbol for every byte nothing is ever unknown; without an unknown token and byte
  // fallback, unknown bytes are dropped. In between the rules look at characters.
  if (!model.Optional("unk_token") && !model.BoolOr("byte_fallback", false)) return true;
  const StringTable vocabulary = ReadVocabulary(model.Field("vocab"));
  for (int byte = 0; byte < 256; ++byte) {
    std::string character;
    const uint32_t c = ByteLevelCharacter(static_cast<uint8_t>(byte));
    if (c < 0x80) {
      character = static_cast<char>(c);
    } else {
      character = {static_cast<char>(0xC0 | (c >> 6)), static_cast<char>(0x80 | (c & 0x3F))};
    }
    if (vocabulary.Find(character) < 0) return false;
  }
  return true;
}

BpeModel::BpeModel(const JsonNode& model, bool bytes)
    : vocabulary_(ReadVocabulary(model.Field("vocab"))), bytes_(bytes) {
  ReadOptions(model);
  if (bytes_) PrepareBytes();
  FindByteFallback();
  ReadMerges(model.Field("merges"));
}

void BpeModel::ReadOptions(const JsonNode& model) {
  if (const auto dropout = model.Optional("dropout"); dropout && dropout->Number() != 0) {
    dropout->FailUnsupported("no dropout: ids that change from call to call are of no use here");
  }
  fuse_unk_ = model.BoolOr("fuse_unk", false);
  byte_fallback_on_ = model.BoolOr("byte_fallback", false);
  ignore_merges_ = model.BoolOr("ignore_merges", false);
  if (const auto prefix = model.Optional("continuing_subword_prefix")) prefix_ = prefix->String();
  if (const auto suffix = model.Optional("end_of_word_suffix")) suffix_ = suffix->String();
  if (const auto unk = model.Optional("unk_token")) {
    unk_id_ = vocabulary_.Find(unk->String());
    if (unk_id_ < 0) unk_id_ = kMissingUnk;
  }
}

void BpeModel::PrepareBytes() {
  byte_ids_.fill(-1);
  if (ignore_merges_) byte_vocabulary_ = StringTable(vocabulary_.size());
  for (size_t i = 0; i < vocabulary_.size(); ++i) {
    const std::optional<std::string> raw = ByteLevelBytes(vocabulary_.Text(i));
    if (!raw) continue;
    if (raw->size() == 1) byte_ids_[static_cast<uint8_t>((*raw)[0])] = vocabulary_.Id(i);
    if (ignore_merges_) byte_vocabulary_.Set(*raw, vocabulary_.Id(i));
  }
}

void BpeModel::FindByteFallback() {
  constexpr char kDigits[] = "0123456789ABCDEF";
  for (size_t byte = 0; byte < 256; ++byte) {
    const char name[] = {'<', '0', 'x', kDigits[byte >> 4], kDigits[byte & 15], '>'};
    byte_fallback_[byte] = vocabulary_.Find({name, sizeof name});
  }
}

void BpeModel::ReadMerges(const JsonNode& merges) {
  std::vector<std::pair<int32_t, int32_t>> pairs;
  merges_.emplace(merges.Size());
  std::string joined;
  size_t index = 0;
  for (const simdjson::dom::element item : merges.Array()) {
    std::string_view left;
    std::string_view right;
    if (SplitMerge(merges, index, item, left, right)) {
      const int32_t a = vocabulary_.Find(left);
      const int32_t b = vocabulary_.Find(right);
      if (a < 0 || b < 0) {
        FailMerge(merges, index, "a merge names a token that the vocabulary does not have", item);
      }
      if (right.size() < prefix_.size()) {
        FailMerge(merges, index, "a merge's second token is shorter than the prefix", item);
      }
      joined.assign(left).append(right.substr(prefix_.size()));
      const int32_t id = vocabulary_.Find(joined);
      if (id < 0) FailMerge(merges, index, "a merge makes a token the vocabulary lacks", item);
      merges_->Set(a, b, {static_cast<uint32_t>(pairs.size()), id});
      pairs.emplace_back(a, b);
    }
    ++index;
  }
  PrepareCuts(pairs);
}

}  // namespace meap
