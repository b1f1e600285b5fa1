// What stands beside a tokeniser: the names of its special tokens and its chat template.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "text/added_tokens.h"

namespace meap {

/// The files of a tokenizer folder that are read and written, by name; absent ones are left out.
using TokenizerFiles = std::map<std::string, std::string>;

/// Reads every tokenizer file of a folder. A missing folder, or one with neither tokenizer.json nor
/// tokenizer.model, is an InputError.
TokenizerFiles ReadTokenizerFiles(const std::filesystem::path& dir);

/// What tokenizer_config.json, special_tokens_map.json, added_tokens.json and chat_template.jinja
/// say.
struct TokenizerConfig {
  std::map<std::string, std::string> names;  // "bos_token" to "<s>"
  std::map<int32_t, AddedToken> added;       // by id: of added_tokens_decoder, added_tokens.json
  std::string chat_template;
  bool add_bos_token = true;  // for a tokenizer.model only: a tokenizer.json says it itself
  bool add_eos_token = false;
};

/// `place` is put before file names in errors ("FOLDER/").
TokenizerConfig ReadTokenizerConfig(const TokenizerFiles& files, const std::string& place);

/// The entry of an added token in `added_tokens` of a tokenizer.json.
std::string AddedTokenEntry(const AddedToken& token);
/// The same of a special token without flags.
std::string AddedTokenEntry(const std::string& content, int id);

/// Puts a new special token, the mask token, into all files that list special tokens.
/// `adds_to_json`: it is new to tokenizer.json too.
void AddMaskToFiles(TokenizerFiles& files, const std::string& content, int id, bool is_new);

/// Makes `source` the chat template of tokenizer_config.json and of no other file. A template
/// writes special tokens by their names, so those in `names` that no file tells are added.
void SetTemplateInFiles(TokenizerFiles& files, const std::string& source,
                        const std::map<std::string, std::string>& names);

/// Makes tokenizer_config.json name those special tokens that no file names yet.
void AddNamesToFiles(TokenizerFiles& files, const std::map<std::string, std::string>& names);

/// `text`, a JSON document, with `element` appended to the array under the top-level key `key`,
/// which is made when it is missing. Everything else stays byte for byte.
std::string AppendToTopLevelArray(std::string_view text, std::string_view key,
                                  std::string_view element);
/// `text` as it was before AppendToTopLevelArray(text, key, element) on an array; `text` itself
/// where that array does not end with `element`.
std::string WithoutAppended(std::string_view text, std::string_view key, std::string_view element);

/// The text of a tokenizer.json with merges written as "a b", which tokenizers of every version
/// read, and not as ["a", "b"], which those before 0.20 do not. A text in which that cannot be (a
/// token holds a space), and everything else in it, stays byte for byte.
std::string WithStringMerges(std::string_view text);

/// Changes what transformers 5 alone reads to what versions 4.40 to 5.2 all read: merges, the name
/// of the class, the list of special tokens, a template in a file of its own. Files that need no
/// change stay byte for byte.
void MakeReadableByOlder(TokenizerFiles& files);

}  // namespace meap
