// What filters and methods do with text.
#include "jinja/characters.h"
#include "jinja/library.h"

namespace meap::jinja {

Text Strip(const Text& text, const Value& characters, bool left, bool right) {
  const std::string_view bytes = text.bytes;
  size_t begin = 0;
  size_t end = bytes.size();
  if (characters.IsNone() || characters.IsUndefined()) {
    if (left) begin = LeadingSpace(bytes);
    if (right) end = std::max(begin, bytes.size() - TrailingSpace(bytes));
    return text.Slice(begin, end);
  }
  if (!characters.IsString()) Fail("strip() takes None or a str");
  const auto known = [&](size_t from, size_t to) {
    return characters.String().find(bytes.substr(from, to - from)) != std::string::npos;
  };
  while (left && begin < end && known(begin, NextCharacter(bytes, begin))) {
    begin = NextCharacter(bytes, begin);
  }
  while (right && begin < end) {
    size_t start = end - 1;
    while (start > begin && (static_cast<uint8_t>(bytes[start]) & 0xC0) == 0x80) --start;
    if (!known(start, end)) break;
    end = start;
  }
  return text.Slice(begin, end);
}

Text Replace(Interpreter& run, const Text& text, const std::string& from, const Text& to,
             int64_t count) {
  Text result;
  size_t at = 0;
  for (; count != 0 && at <= text.bytes.size(); --count) {
    size_t found = text.bytes.find(from, at);
    if (found == std::string::npos) break;
    // An empty pattern stands before every character and at the end.
    if (from.empty() && found < text.bytes.size()) {
      result.Append(to);
      const size_t next = NextCharacter(text.bytes, found);
      result.Append(text.Slice(found, next));
      at = next;
    } else {
      result.Append(text.Slice(at, found));
      result.Append(to);
      at = found + from.size();
      if (from.empty()) break;
    }
    run.CountBytes(to.bytes.size());
  }
  if (at < text.bytes.size()) result.Append(text.Slice(at, text.bytes.size()));
  run.CountBytes(result.bytes.size());
  return result;
}

}  // namespace meap::jinja
