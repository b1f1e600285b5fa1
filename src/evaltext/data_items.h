// Items of an evaluation's data files: JSON Lines, plain, .gz or .zst, with errors that name file,
// line and field.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/files.h"

namespace meap {

/// One object of a data file. Fields are named by paths: "choices.text" is the field `text` of the
/// object `choices`. A field that is missing or of another type is an InputError.
class DataItem {
 public:
  DataItem(nlohmann::ordered_json object, fs::path file, uint64_t line)
      : object_(std::move(object)), file_(std::move(file)), line_(line) {}

  /// A string; numbers are written out, true and false become "true" and "false".
  std::string Text(std::string_view field) const;
  int64_t Integer(std::string_view field) const;
  std::vector<std::string> Texts(std::string_view field) const;
  std::vector<int64_t> Integers(std::string_view field) const;
  /// A number, text, true, false or null.
  const nlohmann::ordered_json& Primitive(std::string_view field) const;
  /// The value whatever its type, or nullptr where there is none.
  const nlohmann::ordered_json* Find(std::string_view field) const;

  /// The whole object, keys in the file's order.
  const nlohmann::ordered_json& object() const { return object_; }
  /// Line in its file, from 1, and "FILE:LINE".
  uint64_t line() const { return line_; }
  std::string place() const;
  /// Throws the InputError that a field is not what was expected.
  [[noreturn]] void Fail(std::string_view field, const std::string& expected) const;

 private:
  nlohmann::ordered_json object_;
  fs::path file_;
  uint64_t line_;
};

/// A task's data is not there: an InputError of its own, so that a group of tasks can go on without
/// this one.
class MissingData : public InputError {
 public:
  using InputError::InputError;
};

/// The items of a file, at most `limit` of them (0: all). Blank lines are passed over. A line that
/// is no JSON object is an InputError.
std::vector<DataItem> ReadDataItems(const fs::path& file, size_t limit = 0);

/// DIR/STEM with the first of .jsonl, .jsonl.gz, .jsonl.zst that exists; MissingData naming `task`
/// and the three when there is none.
fs::path FindDataFile(const fs::path& dir, const std::string& stem, std::string_view task);

/// The text of all *.txt files of a folder, one by one in ascending byte order of their names. No
/// such file: MissingData; none with anything but white space in it: InputError.
std::vector<std::string> ReadTextFiles(const fs::path& dir, std::string_view task);

}  // namespace meap
