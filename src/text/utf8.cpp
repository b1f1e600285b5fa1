#include "text/utf8.h"

#include <algorithm>

#include "core/strings.h"

namespace meap {
namespace {

/// Length of the well-formed character at the start of `text`, or minus the length of the maximal
/// ill-formed part that one U+FFFD replaces; `cut` is set when the text ended within a character.
int Step(std::string_view text, bool* cut = nullptr) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead < 0xC2 || lead > 0xF4) return -1;
  const size_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  uint8_t low = 0x80;
  uint8_t high = 0xBF;
  if (lead == 0xE0) low = 0xA0;
  if (lead == 0xED) high = 0x9F;
  if (lead == 0xF0) low = 0x90;
  if (lead == 0xF4) high = 0x8F;
  for (size_t i = 1; i < length; ++i) {
    if (i == text.size()) {
      if (cut != nullptr) *cut = true;
      return -static_cast<int>(i);
    }
    if (byte(i) < low || byte(i) > high) return -static_cast<int>(i);
    low = 0x80;
    high = 0xBF;
  }
  return static_cast<int>(length);
}

}  // namespace

std::string ReplaceInvalidUtf8(std::string_view text) {
  if (IsValidUtf8(text)) return std::string(text);
  std::string out;
  out.reserve(text.size() + 16);
  while (!text.empty()) {
    const int step = Step(text);
    if (step > 0) {
      out.append(text.substr(0, static_cast<size_t>(step)));
    } else {
      out += "\xEF\xBF\xBD";
    }
    text.remove_prefix(static_cast<size_t>(std::abs(step)));
  }
  return out;
}

size_t IncompleteUtf8Tail(std::string_view text) {
  for (size_t back = 1; back <= std::min<size_t>(3, text.size()); ++back) {
    const std::string_view tail = text.substr(text.size() - back);
    if ((static_cast<uint8_t>(tail[0]) & 0xC0) == 0x80) continue;
    bool cut = false;
    const int step = Step(tail, &cut);
    return cut && static_cast<size_t>(-step) == back ? back : 0;
  }
  return 0;
}

}  // namespace meap
