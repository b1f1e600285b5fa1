#include "text/token_starts.h"

#include <algorithm>

#include "text/utf8.h"

namespace meap {
namespace {

constexpr std::string_view kMark = "\xE2\x96\x81";  // U+2581, SentencePiece's space
// How far ahead a token is looked for where the tokenizer left something out.
constexpr size_t kFarthest = 256;

/// The bytes of `text` that `surface` covers from `at` on, or nothing where it does not stand
/// there.
std::optional<size_t> Match(std::string_view text, size_t at, std::string_view surface) {
  const size_t begin = at;
  while (!surface.empty()) {
    const std::string_view rest = text.substr(at);
    if (surface.starts_with(kMark) && rest.starts_with(' ')) {
      at += 1;
      surface.remove_prefix(kMark.size());
    } else if (!rest.empty() && rest[0] == surface[0]) {
      at += 1;
      surface.remove_prefix(1);
    } else {
      return std::nullopt;
    }
  }
  return at - begin;
}

/// Without the space in front that a tokenizer may have made up.
std::string_view WithoutSpace(std::string_view surface) {
  if (surface.starts_with(' ')) return surface.substr(1);
  return surface.starts_with(kMark) ? surface.substr(kMark.size()) : surface;
}

}  // namespace

void AppendTokenStarts(std::string_view text, std::span<const int32_t> ids,
                       const TokenSurface& surface, std::vector<size_t>& starts) {
  size_t at = 0;
  for (const int32_t id : ids) {
    const std::optional<std::string_view> token = surface(id);
    if (!token) {
      starts.push_back(at);
      if (at < text.size()) at += Utf8Length(text[at]);
      continue;
    }
    std::optional<size_t> length = Match(text, at, *token);
    if (!length) length = Match(text, at, WithoutSpace(*token));
    const size_t limit = std::min(text.size(), at + kFarthest);
    for (size_t ahead = at + 1; !length && ahead < limit; ++ahead) {
      length = Match(text, ahead, *token);
      if (length) at = ahead;
    }
    starts.push_back(at);
    at += length.value_or(0);
  }
}

}  // namespace meap
