// Strict reading of JSON files: every wrong or missing value is an InputError that names the file
// and the path of the value in it.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace meap {

/// One value of a parsed document, with its path ("model.merges[3]"). Views into the document:
/// valid as long as the JsonDocument lives.
class JsonNode {
 public:
  JsonNode(simdjson::dom::element element, std::string path, const std::string* file)
      : element_(element), path_(std::move(path)), file_(file) {}

  /// The value of a key; a missing key, or a value that is no object, is an InputError.
  JsonNode Field(std::string_view key) const;
  /// The value of a key, or nothing where it is missing or null.
  std::optional<JsonNode> Optional(std::string_view key) const;

  bool IsString() const { return element_.is_string(); }
  bool IsObject() const { return element_.is_object(); }
  bool IsArray() const { return element_.is_array(); }
  bool IsNull() const { return element_.is_null(); }

  std::string_view String() const;
  bool Bool() const;
  double Number() const;
  /// An integer in [0, limit].
  uint32_t Integer(uint32_t limit) const;
  /// Value of a boolean key, `otherwise` where it is missing.
  bool BoolOr(std::string_view key, bool otherwise) const;
  /// A string of exactly one character.
  std::string_view Character() const;

  /// The items of an array; the members of an object.
  std::vector<JsonNode> Items() const;
  simdjson::dom::array Array() const;
  simdjson::dom::object Object() const;
  std::vector<std::pair<std::string_view, JsonNode>> Members() const;
  size_t Size() const;

  simdjson::dom::element element() const { return element_; }
  const std::string& path() const { return path_; }
  /// "FILE: PATH".
  std::string where() const;
  /// The value as short text, for messages.
  std::string Shown() const;

  /// Throws: the value is not what the format has there.
  [[noreturn]] void FailExpected(std::string_view expected) const;
  /// Throws: the value is right but this program does not do what it asks for.
  [[noreturn]] void FailUnsupported(std::string_view supported) const;

 private:
  simdjson::dom::element element_;
  std::string path_;
  const std::string* file_;
};

/// A parsed document. Broken JSON is an InputError with line and column.
class JsonDocument {
 public:
  JsonDocument(std::string_view text, std::string file);
  JsonDocument(const JsonDocument&) = delete;
  JsonDocument& operator=(const JsonDocument&) = delete;

  JsonNode root() const { return {root_, "", &file_}; }

 private:
  simdjson::dom::parser parser_;
  simdjson::dom::element root_;
  std::string file_;
};

}  // namespace meap
