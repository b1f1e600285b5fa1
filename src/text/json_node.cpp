#include "text/json_node.h"

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/json.h"
#include "core/strings.h"

namespace meap {
namespace {

std::string Joined(const std::string& path, std::string_view key) {
  return path.empty() ? std::string(key) : path + "." + std::string(key);
}

/// Why simdjson refused `text`, from the parser that tells line and column.
std::string Diagnosis(std::string_view text, simdjson::error_code code) {
  try {
    const nlohmann::json document = nlohmann::json::parse(text);
    if (document.is_discarded()) return simdjson::error_message(code);
  } catch (const nlohmann::json::exception& error) {
    const std::string message = error.what();
    const size_t bracket = message.find("] ");  // "[json.exception.parse_error.101] parse error at"
    return bracket == std::string::npos ? message : message.substr(bracket + 2);
  }
  return simdjson::error_message(code);
}

/// The same document with integers beyond 64 bits as doubles: transformers writes a
/// model_max_length of 1e30 in digits. `text` itself where it is broken.
std::string WithRoundedNumbers(std::string_view text) {
  const auto document = nlohmann::ordered_json::parse(text, nullptr, false);
  return document.is_discarded() ? std::string(text) : document.dump();
}

}  // namespace

std::string JsonNode::where() const { return path_.empty() ? *file_ : *file_ + ": " + path_; }

std::string JsonNode::Shown() const {
  std::string text = simdjson::minify(element_);
  constexpr size_t kLongest = 200;
  if (text.size() > kLongest) {
    size_t cut = kLongest;
    while (cut > 0 && (static_cast<uint8_t>(text[cut]) & 0xC0) == 0x80) --cut;
    text = text.substr(0, cut) + "...";
  }
  return text;
}

void JsonNode::FailExpected(std::string_view expected) const {
  throw InputError({.what = "a value in a tokenizer file is not what belongs there",
                    .where = where(),
                    .expected = std::string(expected),
                    .got = Shown()});
}

void JsonNode::FailUnsupported(std::string_view supported) const {
  throw InputError({.what = "this tokenizer asks for something that meap does not do",
                    .where = where(),
                    .expected = std::string(supported),
                    .got = Shown(),
                    .hint = "leaving it out would change the ids, so the tokenizer is refused"});
}

JsonNode JsonNode::Field(std::string_view key) const {
  if (!IsObject()) FailExpected("an object");
  simdjson::dom::element value;
  if (!FindKey(element_, key, value)) {
    throw InputError({.what = "a value is missing in a tokenizer file",
                      .where = where(),
                      .expected = "the key \"" + std::string(key) + "\"",
                      .got = Shown()});
  }
  return {value, Joined(path_, key), file_};
}

std::optional<JsonNode> JsonNode::Optional(std::string_view key) const {
  if (!IsObject()) FailExpected("an object");
  simdjson::dom::element value;
  if (!FindKey(element_, key, value) || value.is_null()) return std::nullopt;
  return JsonNode(value, Joined(path_, key), file_);
}

std::string_view JsonNode::String() const {
  std::string_view text;
  if (element_.get_string().get(text) != simdjson::SUCCESS) FailExpected("a string");
  return text;
}

bool JsonNode::Bool() const {
  bool value = false;
  if (element_.get_bool().get(value) != simdjson::SUCCESS) FailExpected("true or false");
  return value;
}

double JsonNode::Number() const {
  double value = 0;
  if (element_.get_double().get(value) != simdjson::SUCCESS) FailExpected("a number");
  return value;
}

uint32_t JsonNode::Integer(uint32_t limit) const {
  uint64_t value = 0;
  if (element_.get_uint64().get(value) != simdjson::SUCCESS || value > limit) {
    FailExpected("an integer from 0 to " + std::to_string(limit));
  }
  return static_cast<uint32_t>(value);
}

bool JsonNode::BoolOr(std::string_view key, bool otherwise) const {
  const auto value = Optional(key);
  return value ? value->Bool() : otherwise;
}

std::string_view JsonNode::Character() const {
  const std::string_view text = String();
  size_t characters = 0;
  for (const char c : text) characters += (static_cast<uint8_t>(c) & 0xC0) != 0x80;
  if (characters != 1) FailExpected("a string of one character");
  return text;
}

simdjson::dom::array JsonNode::Array() const {
  simdjson::dom::array array;
  if (element_.get_array().get(array) != simdjson::SUCCESS) FailExpected("an array");
  return array;
}

simdjson::dom::object JsonNode::Object() const {
  simdjson::dom::object object;
  if (element_.get_object().get(object) != simdjson::SUCCESS) FailExpected("an object");
  return object;
}

std::vector<JsonNode> JsonNode::Items() const {
  std::vector<JsonNode> items;
  for (const simdjson::dom::element item : Array()) {
    items.emplace_back(item, path_ + "[" + std::to_string(items.size()) + "]", file_);
  }
  return items;
}

std::vector<std::pair<std::string_view, JsonNode>> JsonNode::Members() const {
  std::vector<std::pair<std::string_view, JsonNode>> members;
  for (const auto [key, value] : Object()) {
    members.emplace_back(key, JsonNode(value, Joined(path_, key), file_));
  }
  return members;
}

size_t JsonNode::Size() const {
  // simdjson's own size() saturates at 2^24 - 1.
  size_t size = 0;
  if (IsArray()) {
    for ([[maybe_unused]] const auto item : Array()) ++size;
  } else {
    for ([[maybe_unused]] const auto member : Object()) ++size;
  }
  return size;
}

JsonDocument::JsonDocument(std::string_view text, std::string file) : file_(std::move(file)) {
  simdjson::error_code code = parser_.parse(text.data(), text.size()).get(root_);
  if (code == simdjson::NUMBER_ERROR) {
    const std::string rounded = WithRoundedNumbers(text);
    code = parser_.parse(rounded).get(root_);
  }
  if (code == simdjson::SUCCESS) return;
  throw InputError({.what = "broken JSON in a tokenizer file",
                    .where = file_,
                    .expected = "a JSON document in UTF-8",
                    .got = Diagnosis(text, code),
                    .hint = "the file may have been cut off while it was copied"});
}

}  // namespace meap
