#include "evaltext/python_text.h"

#include <utf8proc.h>

#include "core/strings.h"
#include "text/unicode.h"
#include "text/utf8.h"

namespace meap {
namespace {

constexpr char32_t kSigma = 0x3A3;
constexpr char32_t kFinalSigma = 0x3C2;

bool IsLetter(char32_t c) { return (unicode::ClassTable()[c] & unicode::kLetter) != 0; }

/// Offset after the leading white space of a well-formed text.
size_t SpaceEnd(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    const size_t length = Utf8Length(text[at]);
    if (at + length > text.size() || !IsSpace(CodePointAt(text.data() + at))) break;
    at += length;
  }
  return at;
}

}  // namespace

bool IsSpace(char32_t c) {
  // Four separators of ASCII are blanks to Python and not to Unicode's White_Space.
  return (c >= 0x1C && c <= 0x1F) ||
         (c < 0x110000 && (unicode::ClassTable()[c] & unicode::kSpace) != 0);
}

bool IsWordCharacter(char32_t c) {
  return c < 0x110000 && (unicode::ClassTable()[c] & (unicode::kLetter | unicode::kNumber)) != 0;
}

bool IsUpper(char32_t c) {
  std::string lower;
  unicode::AppendLowercase(c, lower);
  std::string same;
  AppendUtf8(c, same);
  return lower != same;
}

std::u32string ToCodePoints(std::string_view text) {
  const std::string valid = ReplaceInvalidUtf8(text);
  std::u32string code_points;
  code_points.reserve(valid.size());
  for (size_t at = 0; at < valid.size(); at += Utf8Length(valid[at])) {
    code_points += CodePointAt(valid.data() + at);
  }
  return code_points;
}

std::string FromCodePoints(std::u32string_view code_points) {
  std::string text;
  for (const char32_t c : code_points) AppendUtf8(c, text);
  return text;
}

std::string_view StripTextEnd(std::string_view text) {
  size_t end = text.size();
  while (end > 0) {
    const size_t start = PreviousStart(text, end);
    if (start + Utf8Length(text[start]) != end || !IsSpace(CodePointAt(text.data() + start))) break;
    end = start;
  }
  return text.substr(0, end);
}

std::string_view StripText(std::string_view text) {
  return StripTextEnd(text.substr(SpaceEnd(text)));
}

std::vector<std::string_view> SplitWords(std::string_view text) {
  std::vector<std::string_view> words;
  for (text.remove_prefix(SpaceEnd(text)); !text.empty(); text.remove_prefix(SpaceEnd(text))) {
    size_t end = 0;
    while (end < text.size() && SpaceEnd(text.substr(end)) == 0) {
      end += std::min(Utf8Length(text[end]), text.size() - end);
    }
    words.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return words;
}

std::string LowerText(std::string_view text) {
  const std::u32string code_points = ToCodePoints(text);
  std::string lower;
  lower.reserve(text.size());
  for (size_t i = 0; i < code_points.size(); ++i) {
    const bool final = code_points[i] == kSigma && i > 0 && IsLetter(code_points[i - 1]) &&
                       (i + 1 == code_points.size() || !IsLetter(code_points[i + 1]));
    if (final) {
      AppendUtf8(kFinalSigma, lower);
    } else {
      unicode::AppendLowercase(code_points[i], lower);
    }
  }
  return lower;
}

std::string CapitalizeText(std::string_view text) {
  if (text.empty()) return {};
  const std::u32string code_points = ToCodePoints(text);
  std::string result;
  AppendUtf8(static_cast<uint32_t>(utf8proc_totitle(static_cast<utf8proc_int32_t>(code_points[0]))),
             result);
  return result + LowerText(FromCodePoints(std::u32string_view(code_points).substr(1)));
}

size_t CountCodePoints(std::string_view text) { return ToCodePoints(text).size(); }

std::string ReplaceAll(std::string_view text, std::string_view from, std::string_view to) {
  std::string result;
  size_t begin = 0;
  for (size_t at; (at = text.find(from, begin)) != std::string_view::npos;
       begin = at + from.size()) {
    result.append(text, begin, at - begin).append(to);
  }
  return result.append(text, begin);
}

}  // namespace meap
