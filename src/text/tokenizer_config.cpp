#include "text/tokenizer_config.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/files.h"
#include "text/json_node.h"

namespace meap {
namespace {

using nlohmann::ordered_json;

constexpr const char* kConfig = "tokenizer_config.json";
// In the order in which they are written.
constexpr const char* kFileNames[] = {"tokenizer.json",
                                      kConfig,
                                      "special_tokens_map.json",
                                      "added_tokens.json",
                                      "chat_template.jinja",
                                      "tokenizer.model",
                                      "vocab.json",
                                      "merges.txt"};
constexpr const char* kTokenNames[] = {"bos_token", "eos_token", "pad_token", "unk_token",
                                       "mask_token"};

const std::string* FindFile(const TokenizerFiles& files, const std::string& name) {
  const auto file = files.find(name);
  return file == files.end() ? nullptr : &file->second;
}

void ReadNames(const JsonNode& root, std::map<std::string, std::string>& names) {
  for (const char* key : kTokenNames) {
    const auto token = root.Optional(key);
    if (!token || names.contains(key)) continue;
    names[key] = token->IsString() ? token->String() : token->Field("content").String();
  }
}

std::string ReadTemplate(const JsonNode& node) {
  if (node.IsString()) return std::string(node.String());
  for (const JsonNode& item : node.Items()) {
    if (item.Field("name").String() == "default") {
      return std::string(item.Field("template").String());
    }
  }
  return "";
}

/// Edits a JSON file, which is made where there is none.
template <typename F>
void ChangeFile(TokenizerFiles& files, const std::string& name, const F& edit) {
  ordered_json root = files.contains(name) ? ordered_json::parse(files[name]) : ordered_json();
  if (root.is_null() && name == kConfig) root["tokenizer_class"] = "PreTrainedTokenizerFast";
  edit(root);
  files[name] = root.dump(2) + "\n";
}

ordered_json AddedTokenJson(const AddedToken& token) {
  return {{"content", token.content},         {"lstrip", token.lstrip},
          {"normalized", token.normalized},   {"rstrip", token.rstrip},
          {"single_word", token.single_word}, {"special", token.special}};
}

AddedToken SpecialToken(const std::string& content, int id) {
  return {.content = content, .id = id, .special = true};
}

void ReadAddedTokensDecoder(const JsonNode& tokens, std::map<int32_t, AddedToken>& added) {
  for (const auto& [key, token] : tokens.Members()) {
    int32_t id = -1;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
    if (error != std::errc() || end != key.data() + key.size() || id < 0) {
      tokens.FailExpected("ids as keys");
    }
    const bool special = token.BoolOr("special", false);
    added[id] = {.content = std::string(token.Field("content").String()),
                 .id = id,
                 .single_word = token.BoolOr("single_word", false),
                 .lstrip = token.BoolOr("lstrip", false),
                 .rstrip = token.BoolOr("rstrip", false),
                 .normalized = token.BoolOr("normalized", !special),
                 .special = special};
  }
}

/// Of added_tokens.json, which knows no flags: special are the tokens that have a name.
void ReadAddedTokens(const JsonNode& tokens, const std::map<std::string, std::string>& names,
                     std::map<int32_t, AddedToken>& added) {
  for (const auto& [key, value] : tokens.Members()) {
    const auto id = static_cast<int32_t>(value.Integer(INT32_MAX));
    const std::string content(key);
    const bool special = std::any_of(names.begin(), names.end(),
                                     [&](const auto& name) { return name.second == content; });
    added.try_emplace(
        id, AddedToken{.content = content, .id = id, .normalized = !special, .special = special});
  }
}

}  // namespace

std::string AddedTokenEntry(const AddedToken& token) {
  ordered_json entry = {{"id", token.id}};
  entry.update(AddedTokenJson(token));
  return entry.dump();
}

std::string AddedTokenEntry(const std::string& content, int id) {
  return AddedTokenEntry(SpecialToken(content, id));
}

TokenizerFiles ReadTokenizerFiles(const fs::path& dir) {
  if (!fs::is_directory(dir)) {
    throw InputError({.what = "no such tokenizer folder",
                      .where = dir.string(),
                      .expected = "a folder with a tokenizer.json or a tokenizer.model"});
  }
  TokenizerFiles files;
  for (const char* name : kFileNames) {
    if (fs::exists(dir / name)) files[name] = ReadFile(dir / name, "tokenizer");
  }
  if (!files.contains("tokenizer.json") && !files.contains("tokenizer.model")) {
    throw InputError({.what = "the folder holds no tokenizer",
                      .where = dir.string(),
                      .expected = "tokenizer.json or tokenizer.model in it",
                      .hint = "older models have vocab.json and merges.txt only: load them once "
                              "with transformers' AutoTokenizer and save them again"});
  }
  return files;
}

TokenizerConfig ReadTokenizerConfig(const TokenizerFiles& files, const std::string& place) {
  TokenizerConfig config;
  if (const std::string* text = FindFile(files, "tokenizer_config.json")) {
    const JsonDocument document(*text, place + "tokenizer_config.json");
    ReadNames(document.root(), config.names);
    config.add_bos_token = document.root().BoolOr("add_bos_token", true);
    config.add_eos_token = document.root().BoolOr("add_eos_token", false);
    if (const auto node = document.root().Optional("chat_template")) {
      config.chat_template = ReadTemplate(*node);
    }
    if (const auto node = document.root().Optional("added_tokens_decoder")) {
      ReadAddedTokensDecoder(*node, config.added);
    }
  }
  if (const std::string* text = FindFile(files, "special_tokens_map.json")) {
    const JsonDocument document(*text, place + "special_tokens_map.json");
    ReadNames(document.root(), config.names);
  }
  if (const std::string* text = FindFile(files, "added_tokens.json")) {
    const JsonDocument document(*text, place + "added_tokens.json");
    ReadAddedTokens(document.root(), config.names, config.added);
  }
  if (const std::string* text = FindFile(files, "chat_template.jinja")) {
    config.chat_template = *text;
  }
  return config;
}

void SetTemplateInFiles(TokenizerFiles& files, const std::string& source,
                        const std::map<std::string, std::string>& names) {
  AddNamesToFiles(files, names);
  ChangeFile(files, kConfig, [&](ordered_json& root) { root["chat_template"] = source; });
  files.erase("chat_template.jinja");
}

void AddNamesToFiles(TokenizerFiles& files, const std::map<std::string, std::string>& names) {
  TokenizerConfig told = ReadTokenizerConfig(files, "");
  const auto is_told = [&](const auto& name) { return told.names.contains(name.first); };
  if (std::all_of(names.begin(), names.end(), is_told)) return;
  ChangeFile(files, kConfig, [&](ordered_json& root) {
    for (const auto& name : names) {
      if (!is_told(name)) root[name.first] = name.second;
    }
  });
}

void AddMaskToFiles(TokenizerFiles& files, const std::string& content, int id, bool is_new) {
  const auto change = [&](const char* name, const auto& edit) { ChangeFile(files, name, edit); };
  change(kConfig, [&](ordered_json& root) {
    root["mask_token"] = content;
    if (root.contains("added_tokens_decoder")) {
      root["added_tokens_decoder"][std::to_string(id)] = AddedTokenJson(SpecialToken(content, id));
    }
  });
  if (files.contains("special_tokens_map.json")) {
    change("special_tokens_map.json", [&](ordered_json& root) { root["mask_token"] = content; });
  }
  if (!is_new) return;
  if (files.contains("added_tokens.json")) {
    change("added_tokens.json", [&](ordered_json& root) { root[content] = id; });
  }
  if (files.contains("tokenizer.json")) {
    files["tokenizer.json"] = AppendToTopLevelArray(files["tokenizer.json"], "added_tokens",
                                                    AddedTokenEntry(content, id));
  }
}

namespace {

/// True when something was changed.
bool MakeConfigReadable(ordered_json& root, const std::string* jinja) {
  bool changed = false;
  if (root.value("tokenizer_class", ordered_json()) == "TokenizersBackend") {
    root["tokenizer_class"] = "PreTrainedTokenizerFast";
    changed = true;
  }
  const auto extra = root.find("extra_special_tokens");
  if (extra != root.end() && extra->is_array()) {  // a map, by contrast, names single tokens
    const ordered_json tokens = *extra;
    root.erase(extra);
    ordered_json& list = root["additional_special_tokens"];
    for (const ordered_json& token : tokens) {
      if (std::find(list.begin(), list.end(), token) == list.end()) list.push_back(token);
    }
    if (list.is_null()) root.erase("additional_special_tokens");
    changed = true;
  }
  if (jinja != nullptr && root.value("chat_template", ordered_json()).is_null()) {
    root["chat_template"] = *jinja;
    changed = true;
  }
  return changed;
}

}  // namespace

void MakeReadableByOlder(TokenizerFiles& files) {
  if (const auto json = files.find("tokenizer.json"); json != files.end()) {
    json->second = WithStringMerges(json->second);
  }
  const auto config = files.find(kConfig);
  if (config == files.end()) return;
  ordered_json root = ordered_json::parse(config->second);
  if (MakeConfigReadable(root, FindFile(files, "chat_template.jinja"))) {
    config->second = root.dump(2) + "\n";
  }
}

}  // namespace meap
