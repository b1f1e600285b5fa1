#include "text/trained_json.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "core/strings.h"
#include "text/bpe_model.h"
#include "text/scanner.h"
#include "text/string_table.h"

namespace meap {
namespace {

using nlohmann::ordered_json;

constexpr std::array<const char*, kTrainedSpecialCount> kSpecials = {"<|bos|>", "<|eos|>",
                                                                     "<|pad|>", "[MASK]"};

ordered_json Special(int32_t id) {
  return {{"id", id},
          {"content", kSpecials[static_cast<size_t>(id)]},
          {"single_word", false},
          {"lstrip", false},
          {"rstrip", false},
          {"normalized", false},
          {"special", true}};
}

/// Everything but the model.
ordered_json Pipeline() {
  ordered_json root;
  root["version"] = "1.0";
  root["truncation"] = nullptr;
  root["padding"] = nullptr;
  root["added_tokens"] = ordered_json::array();
  for (int32_t id = 0; id < kTrainedSpecialCount; ++id) root["added_tokens"].push_back(Special(id));
  root["normalizer"] = nullptr;
  const ordered_json split = {{"type", "Split"},
                              {"pattern", {{"Regex", kLlama3Pattern}}},
                              {"behavior", "Isolated"},
                              {"invert", false}};
  const ordered_json bytes = {{"type", "ByteLevel"},
                              {"add_prefix_space", false},
                              {"trim_offsets", true},
                              {"use_regex", false}};
  root["pre_tokenizer"] = {{"type", "Sequence"}, {"pretokenizers", {split, bytes}}};
  const auto special = [](int type) {
    return ordered_json{{"SpecialToken", {{"id", kSpecials[0]}, {"type_id", type}}}};
  };
  const auto sequence = [](const char* name, int type) {
    return ordered_json{{"Sequence", {{"id", name}, {"type_id", type}}}};
  };
  const ordered_json bos = {{"id", kSpecials[0]},
                            {"ids", ordered_json::array({0})},
                            {"tokens", ordered_json::array({kSpecials[0]})}};
  ordered_json processor;
  processor["type"] = "TemplateProcessing";
  processor["single"] = ordered_json::array({special(0), sequence("A", 0)});
  processor["pair"] =
      ordered_json::array({special(0), sequence("A", 0), special(1), sequence("B", 1)});
  processor["special_tokens"][kSpecials[0]] = bos;
  root["post_processor"] = processor;
  root["decoder"] = {{"type", "ByteLevel"},
                     {"add_prefix_space", true},
                     {"trim_offsets", true},
                     {"use_regex", true}};
  return root;
}

std::string Quoted(std::string_view text) { return ordered_json(text).dump(); }

/// The model, one vocabulary entry and one merge a line.
std::string ModelText(const std::vector<std::pair<int32_t, int32_t>>& merges) {
  std::vector<std::string> tokens;  // in ByteLevel's characters
  StringTable known(merges.size() + 260);
  const auto add = [&](const std::string& token) {
    if (known.Find(token) >= 0) return;
    known.Set(token, static_cast<int32_t>(tokens.size()));
    tokens.push_back(token);
  };
  for (int32_t id = 0; id < FirstMergeId(); ++id) {
    std::string token = TrainedToken(id);
    if (id >= kTrainedSpecialCount) {
      const uint32_t character = ByteLevelCharacter(static_cast<uint8_t>(token[0]));
      token.clear();
      AppendUtf8(character, token);
    }
    add(token);
  }
  std::string list;
  for (const auto& [left, right] : merges) {
    const std::string a = tokens[static_cast<size_t>(left)];
    const std::string b = tokens[static_cast<size_t>(right)];
    list.append(list.empty() ? "\n" : ",\n").append("      [").append(Quoted(a)).append(", ");
    list.append(Quoted(b)).append("]");
    add(a + b);
  }
  std::string text =
      "{\n    \"type\": \"BPE\",\n    \"dropout\": null,\n    \"unk_token\": null,\n"
      "    \"continuing_subword_prefix\": null,\n    \"end_of_word_suffix\": null,\n"
      "    \"fuse_unk\": false,\n    \"byte_fallback\": false,\n    \"ignore_merges\": false,\n"
      "    \"vocab\": {";
  for (size_t id = 0; id < tokens.size(); ++id) {
    text.append(id == 0 ? "\n      " : ",\n      ").append(Quoted(tokens[id])).append(": ");
    text += std::to_string(id);
  }
  return text.append("\n    },\n    \"merges\": [").append(list).append("\n    ]\n  }");
}

}  // namespace

std::string TrainedToken(int32_t id) {
  if (id < kTrainedSpecialCount) return kSpecials[static_cast<size_t>(id)];
  static const std::array<uint8_t, 256> order = [] {
    std::array<uint8_t, 256> bytes{};
    for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i);
    std::sort(bytes.begin(), bytes.end(),
              [](uint8_t a, uint8_t b) { return ByteLevelCharacter(a) < ByteLevelCharacter(b); });
    return bytes;
  }();
  return std::string(1, static_cast<char>(order[static_cast<size_t>(id - kTrainedSpecialCount)]));
}

TrainedFiles WriteTrained(const std::vector<std::pair<int32_t, int32_t>>& merges) {
  TrainedFiles files;
  files.tokenizer_json = Pipeline().dump(2);
  files.tokenizer_json.resize(files.tokenizer_json.size() - 2);  // "\n}"
  files.tokenizer_json += ",\n  \"model\": " + ModelText(merges) + "\n}\n";
  const ordered_json config = {{"tokenizer_class", "PreTrainedTokenizerFast"},
                               {"bos_token", kSpecials[0]},
                               {"eos_token", kSpecials[1]},
                               {"pad_token", kSpecials[2]},
                               {"mask_token", kSpecials[3]},
                               {"clean_up_tokenization_spaces", false}};
  files.config_json = config.dump(2) + "\n";
  return files;
}

}  // namespace meap
