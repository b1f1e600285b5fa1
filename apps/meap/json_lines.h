// JSON Lines in, JSON Lines out, on several threads and in order.
#pragma once

#include <simdjson.h>

#include <functional>
#include <string>

#include "core/files.h"

namespace meap {

/// One object of a JSON Lines file, with its place for messages ("FILE:LINE").
class JsonLine {
 public:
  JsonLine(simdjson::dom::element object, std::string place)
      : object_(object), place_(std::move(place)) {}

  /// A string, or an array of integers, under `key`; anything else is an InputError.
  std::string_view String(const char* key) const;
  std::vector<int32_t> Integers(const char* key) const;
  const std::string& place() const { return place_; }

 private:
  simdjson::dom::element Value(const char* key, const char* expected) const;

  simdjson::dom::element object_;
  std::string place_;
};

/// Calls `work(line, out)` for every line that is not blank; what it appends to `out` goes to
/// stdout in the file's order. A line that is no JSON object in UTF-8 is an InputError.
void MapJsonLines(const fs::path& file, int threads,
                  const std::function<void(const JsonLine&, std::string&)>& work);

/// Writes to stdout; a failure (disk full, closed pipe), of an earlier write too, is a WorkError.
void WriteToStdout(std::string_view text);

/// All of stdin; an InputError when it is not UTF-8.
std::string ReadStdin();

/// A text as a JSON string with everything outside of ASCII escaped.
std::string JsonString(std::string_view text);

}  // namespace meap
