// Hand-written scanners for the two regular expressions that almost every byte-level tokeniser uses
// to cut text into words; tens of times as fast as a regular expression engine.
#pragma once

#include <cstdint>
#include <string_view>

#include "text/unicode.h"
#include "text/utf8.h"

namespace meap {

/// ByteLevel's own pattern, GPT-2's.
inline constexpr std::string_view kGpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
/// Llama 3's pattern, and the one of Qwen 2, in which each digit stands alone.
inline constexpr std::string_view kLlama3Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|)"
    R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
inline constexpr std::string_view kQwen2Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|)"
    R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

namespace internal {

/// Position after the run of characters from `at` that have (or, with `negated`, have none of) the
/// class bits.
template <bool kNegated>
inline const char* SkipRun(const uint8_t* classes, uint8_t bits, const char* at, const char* end) {
  while (at < end) {
    const auto byte = static_cast<uint8_t>(*at);
    const uint32_t c = byte < 0x80 ? byte : CodePointAt(at);
    if (((classes[c] & bits) != 0) == kNegated) break;
    at += byte < 0x80 ? 1 : Utf8Length(*at);
  }
  return at;
}

/// Bytes of 's 't 're 've 'm 'll 'd at `at` (which is the apostrophe), or 0. Without regard to case
/// U+017F, the long s, is an s too.
template <bool kIgnoreCase>
inline size_t ContractionLength(const char* at, const char* end) {
  const auto letter = [&](size_t i) {
    if (end - at <= static_cast<ptrdiff_t>(i)) return '\0';
    const char c = at[i];
    return kIgnoreCase && c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  };
  switch (letter(1)) {
    case 's':
    case 't':
    case 'm':
    case 'd':
      return 2;
    case 'r':
    case 'v':
      return letter(2) == 'e' ? 3 : 0;
    case 'l':
      return letter(2) == 'l' ? 3 : 0;
    case '\xC5':
      return kIgnoreCase && letter(2) == '\xBF' ? 3 : 0;
    default:
      return 0;
  }
}

/// End of the match of \s+(?!\S)|\s+ for the run of white space [at, run_end): the last character
/// stays behind when something else follows it, unless it is the only one.
inline const char* SpacesEnd(const char* at, const char* run_end, const char* end) {
  if (run_end == end) return run_end;
  const char* last = run_end - 1;
  while ((static_cast<uint8_t>(*last) & 0xC0) == 0x80) --last;
  return last > at ? last : run_end;
}

}  // namespace internal

/// Calls `emit(word)` for each match of kGpt2Pattern; the words cover the text.
template <typename Emit>
void ScanGpt2(std::string_view text, Emit&& emit) {
  using namespace unicode;
  using internal::SkipRun;
  const uint8_t* classes = ClassTable();
  const char* at = text.data();
  const char* const end = at + text.size();
  constexpr uint8_t kAny = kLetter | kNumber | kSpace;
  while (at < end) {
    const char* stop = nullptr;
    const size_t contraction = *at == '\'' ? internal::ContractionLength<false>(at, end) : 0;
    if (contraction > 0) {
      stop = at + contraction;
    } else {
      const char* body = *at == ' ' && at + 1 < end ? at + 1 : at;
      const uint8_t bits = classes[CodePointAt(body)];
      if ((bits & kLetter) != 0) {
        stop = SkipRun<false>(classes, kLetter, body, end);
      } else if ((bits & kNumber) != 0) {
        stop = SkipRun<false>(classes, kNumber, body, end);
      } else if ((bits & kSpace) == 0) {
        stop = SkipRun<true>(classes, kAny, body, end);
      } else {
        stop = internal::SpacesEnd(at, SkipRun<false>(classes, kSpace, at, end), end);
      }
    }
    emit(std::string_view(at, static_cast<size_t>(stop - at)));
    at = stop;
  }
}

/// Calls `emit(word)` for each match of kLlama3Pattern (`max_digits` 3) or kQwen2Pattern (1).
template <typename Emit>
void ScanLlama3(std::string_view text, int max_digits, Emit&& emit) {
  using namespace unicode;
  using internal::SkipRun;
  const uint8_t* classes = ClassTable();
  const char* at = text.data();
  const char* const end = at + text.size();
  constexpr uint8_t kAny = kLetter | kNumber | kSpace;
  const auto class_at = [&](const char* p) -> uint8_t {
    return p < end ? classes[CodePointAt(p)] : uint8_t{kSpace};
  };
  const auto is_newline = [](char c) { return c == '\n' || c == '\r'; };
  while (at < end) {
    const uint8_t bits = classes[CodePointAt(at)];
    const char* next = at + Utf8Length(*at);
    const char* stop = nullptr;
    const size_t contraction = *at == '\'' ? internal::ContractionLength<true>(at, end) : 0;
    if (contraction > 0) {
      stop = at + contraction;
    } else if ((bits & kNumber) != 0) {
      stop = next;
      for (int digits = 1; digits < max_digits && (class_at(stop) & kNumber) != 0; ++digits) {
        stop += Utf8Length(*stop);
      }
    } else if ((bits & kLetter) != 0 || (!is_newline(*at) && (class_at(next) & kLetter) != 0)) {
      stop = SkipRun<false>(classes, kLetter, next, end);
    } else if ((bits & kSpace) == 0 || (*at == ' ' && (class_at(next) & kAny) == 0)) {
      stop = SkipRun<true>(classes, kAny, next, end);
      while (stop < end && is_newline(*stop)) ++stop;
    } else {
      const char* run_end = SkipRun<false>(classes, kSpace, next, end);
      stop = run_end;
      while (stop > at && !is_newline(stop[-1])) --stop;  // \s*[\r\n]+ ends at the last newline
      if (stop == at) stop = internal::SpacesEnd(at, run_end, end);
    }
    emit(std::string_view(at, static_cast<size_t>(stop - at)));
    at = stop;
  }
}

}  // namespace meap
