// UTF-8 in the hot loops. Text has been checked by then, so nothing here checks again.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace meap {

/// Bytes of the character that begins with `lead` (a valid lead byte).
inline size_t Utf8Length(char lead) {
  const auto byte = static_cast<uint8_t>(lead);
  return byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

/// The code point at `p`, which must begin a well-formed character.
inline uint32_t CodePointAt(const char* p) {
  const auto* b = reinterpret_cast<const uint8_t*>(p);
  if (b[0] < 0x80) return b[0];
  if (b[0] < 0xE0) return (b[0] & 0x1Fu) << 6 | (b[1] & 0x3Fu);
  if (b[0] < 0xF0) return (b[0] & 0x0Fu) << 12 | (b[1] & 0x3Fu) << 6 | (b[2] & 0x3Fu);
  return (b[0] & 0x07u) << 18 | (b[1] & 0x3Fu) << 12 | (b[2] & 0x3Fu) << 6 | (b[3] & 0x3Fu);
}

/// Start of the character that ends right before text[end], end > 0.
inline size_t PreviousStart(std::string_view text, size_t end) {
  do {
    --end;
  } while (end > 0 && (static_cast<uint8_t>(text[end]) & 0xC0) == 0x80);
  return end;
}

/// `text` with each maximal ill-formed part replaced by U+FFFD (the Unicode standard's practice,
/// which Rust's from_utf8_lossy and Python's errors="replace" follow too).
std::string ReplaceInvalidUtf8(std::string_view text);

/// Bytes at the end of `text` that begin a character without ending it: 0 to 3.
size_t IncompleteUtf8Tail(std::string_view text);

}  // namespace meap
