// A SentencePiece BPE model as a tokenizer.json, as transformers' converter does it.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "text/sp_model.h"
#include "text/string_table.h"
#include "text/utf8.h"

namespace meap {
namespace {

using nlohmann::ordered_json;
using Piece = SpModel::Piece;
using PieceType = SpModel::PieceType;

constexpr const char* kSpace = "\xE2\x96\x81";

struct Merge {
  std::string_view left;
  std::string_view right;
  float score;
  size_t left_length;  // in characters
  size_t right_length;
  int32_t left_id;
  int32_t right_id;
};

/// Every way to put a piece together from two others, best score first.
std::vector<Merge> Merges(const SpModel& model) {
  StringTable ids(model.pieces.size());
  for (size_t i = 0; i < model.pieces.size(); ++i) {
    if (model.pieces[i].type == PieceType::kNormal) {
      ids.Set(model.pieces[i].text, static_cast<int32_t>(i));
    }
  }
  std::vector<Merge> merges;
  for (const Piece& piece : model.pieces) {
    if (piece.type != PieceType::kNormal) continue;
    const std::string_view text = piece.text;
    size_t characters = 0;
    for (const char c : text) characters += (static_cast<uint8_t>(c) & 0xC0) != 0x80;
    size_t left = 0;
    for (size_t at = Utf8Length(text.empty() ? 'x' : text[0]); at < text.size();
         at += Utf8Length(text[at])) {
      ++left;
      const int32_t left_id = ids.Find(text.substr(0, at));
      const int32_t right_id = ids.Find(text.substr(at));
      if (left_id < 0 || right_id < 0) continue;
      merges.push_back({text.substr(0, at), text.substr(at), piece.score, left, characters - left,
                        left_id, right_id});
    }
  }
  std::stable_sort(merges.begin(), merges.end(), [](const Merge& a, const Merge& b) {
    if (a.score != b.score) return a.score > b.score;
    if (a.left_length != b.left_length) return a.left_length > b.left_length;
    return a.right_length > b.right_length;
  });
  return merges;
}

ordered_json Model(const SpModel& model) {
  ordered_json json = {{"type", "BPE"},
                       {"dropout", nullptr},
                       {"unk_token", nullptr},
                       {"continuing_subword_prefix", nullptr},
                       {"end_of_word_suffix", nullptr},
                       {"fuse_unk", true},
                       {"byte_fallback", model.byte_fallback},
                       {"ignore_merges", false}};
  // Assigning keys one by one to an ordered_json takes time that grows with the square.
  nlohmann::ordered_map<std::string, ordered_json> vocabulary;
  std::vector<std::pair<const std::string, ordered_json>>& members = vocabulary;
  for (size_t i = 0; i < model.pieces.size(); ++i) {
    members.emplace_back(model.pieces[i].text, i);
    if (model.pieces[i].type == PieceType::kUnknown) json["unk_token"] = model.pieces[i].text;
  }
  json["vocab"] = std::move(vocabulary);
  ordered_json& list = json["merges"] = ordered_json::array();
  for (const Merge& merge : Merges(model)) {
    list.push_back(ordered_json::array({merge.left, merge.right}));
  }
  return json;
}

ordered_json Template(const SpModel& model, const std::vector<int32_t>& before,
                      const std::vector<int32_t>& after) {
  ordered_json single = ordered_json::array();
  ordered_json pair = ordered_json::array();
  ordered_json specials = ordered_json::object();
  const auto add = [&](const std::vector<int32_t>& ids, int type, ordered_json& list) {
    for (const int32_t id : ids) {
      const std::string& text = model.pieces[static_cast<size_t>(id)].text;
      list.push_back({{"SpecialToken", {{"id", text}, {"type_id", type}}}});
      specials[text] = {{"id", text},
                        {"ids", ordered_json::array({id})},
                        {"tokens", ordered_json::array({text})}};
    }
  };
  const auto sequence = [](const char* name, int type) {
    return ordered_json{{"Sequence", {{"id", name}, {"type_id", type}}}};
  };
  add(before, 0, single);
  single.push_back(sequence("A", 0));
  add(after, 0, single);
  pair = single;
  add(before, 1, pair);
  pair.push_back(sequence("B", 1));
  add(after, 1, pair);
  return {{"type", "TemplateProcessing"},
          {"single", single},
          {"pair", pair},
          {"special_tokens", specials}};
}

ordered_json Decoder(const SpModel& model) {
  ordered_json steps = ordered_json::array(
      {{{"type", "Replace"}, {"pattern", {{"String", kSpace}}}, {"content", " "}},
       {{"type", "ByteFallback"}},
       {{"type", "Fuse"}}});
  if (model.add_dummy_prefix) {
    steps.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
  }
  return {{"type", "Sequence"}, {"decoders", steps}};
}

}  // namespace

std::string SpDecoderJson(const SpModel& model) { return Decoder(model).dump(); }

std::string WhyNotJson(const SpModel& model) {
  if (model.type == SpModel::Type::kUnigram) return "a unigram model";
  if (model.type != SpModel::Type::kBpe) return "a word or character model";
  if (model.has_character_map) return "a model with a normalisation map";
  if (model.remove_extra_whitespaces) return "a model that removes extra white space";
  if (model.whitespace_as_suffix) return "a model with white space as a suffix";
  if (!model.escape_whitespaces) return "a model that keeps spaces";
  return "";
}

std::string SpModelToJson(const SpModel& model, const std::vector<int32_t>& before,
                          const std::vector<int32_t>& after) {
  if (const std::string reason = WhyNotJson(model); !reason.empty()) {
    throw WorkError({.what = "this SentencePiece model cannot be written as a tokenizer.json",
                     .where = "tokenizer.model",
                     .expected = "a BPE model without normalisation",
                     .got = reason,
                     .hint = "convert it with transformers' AutoTokenizer and use the folder that "
                             "it saves"});
  }
  ordered_json root = {{"version", "1.0"}, {"truncation", nullptr}, {"padding", nullptr}};
  ordered_json& added = root["added_tokens"] = ordered_json::array();
  for (size_t i = 0; i < model.pieces.size(); ++i) {
    const Piece& piece = model.pieces[i];
    const bool special = piece.type == PieceType::kControl || piece.type == PieceType::kUnknown;
    if (!special && piece.type != PieceType::kUserDefined) continue;
    added.push_back({{"id", i},
                     {"content", piece.text},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", special}});
  }
  ordered_json steps = ordered_json::array();
  if (model.add_dummy_prefix) steps.push_back({{"type", "Prepend"}, {"prepend", kSpace}});
  steps.push_back({{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", kSpace}});
  root["normalizer"] = {{"type", "Sequence"}, {"normalizers", steps}};
  root["pre_tokenizer"] = nullptr;
  root["post_processor"] = Template(model, before, after);
  root["decoder"] = Decoder(model);
  root["model"] = Model(model);
  return root.dump(1) + "\n";
}

}  // namespace meap
