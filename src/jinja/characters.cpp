#include "jinja/characters.h"

#include <utf8proc.h>

#include "core/strings.h"
#include "jinja/value.h"

namespace meap::jinja {
namespace {

/// Characters whose upper case is more than one character, and those (U+0130 and the capital sigma)
/// whose lower case is, or depends on what follows.
bool HasSpecialUpper(uint32_t c) {
  return c == 0xDF || c == 0x149 || c == 0x1F0 || c == 0x390 || c == 0x3B0 || c == 0x587 ||
         (c >= 0x1E96 && c <= 0x1E9A) || (c >= 0x1F50 && c <= 0x1FFF) ||
         (c >= 0xFB00 && c <= 0xFB17);
}
bool HasSpecialLower(uint32_t c) { return c == 0x130 || c == 0x3A3; }

void AppendUpper(uint32_t c, std::string& out) {
  if (HasSpecialUpper(c)) FailUnsupported("upper case of U+" + std::to_string(c));
  AppendUtf8(static_cast<uint32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(c))), out);
}
void AppendTitle(uint32_t c, std::string& out) {
  if (HasSpecialUpper(c)) FailUnsupported("title case of U+" + std::to_string(c));
  AppendUtf8(static_cast<uint32_t>(utf8proc_totitle(static_cast<utf8proc_int32_t>(c))), out);
}
void AppendLower(uint32_t c, std::string& out) {
  if (HasSpecialLower(c)) FailUnsupported("lower case of U+" + std::to_string(c));
  AppendUtf8(static_cast<uint32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))), out);
}

utf8proc_category_t Category(uint32_t c) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(c));
}

template <typename Append>
std::string Map(std::string_view text, Append append) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size(); at = NextCharacter(text, at)) {
    append(CodePoint(text, at), out);
  }
  return out;
}

}  // namespace

size_t NextCharacter(std::string_view text, size_t at) {
  const auto lead = static_cast<uint8_t>(text[at]);
  const size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  return std::min(text.size(), at + length);
}

size_t CountCharacters(std::string_view text) {
  size_t count = 0;
  for (const char c : text) count += (static_cast<uint8_t>(c) & 0xC0) != 0x80;
  return count;
}

size_t CharacterStart(std::string_view text, size_t index) {
  size_t at = 0;
  for (; index > 0 && at < text.size(); --index) at = NextCharacter(text, at);
  return at;
}

uint32_t CodePoint(std::string_view text, size_t at) {
  utf8proc_int32_t point = 0;
  utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()) + at,
                   static_cast<utf8proc_ssize_t>(text.size() - at), &point);
  return point < 0 ? 0xFFFD : static_cast<uint32_t>(point);
}

bool IsSpace(uint32_t c) {
  return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 ||
         c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
         c == 0x205F || c == 0x3000;
}

size_t LeadingSpace(std::string_view text) {
  size_t at = 0;
  while (at < text.size() && IsSpace(CodePoint(text, at))) at = NextCharacter(text, at);
  return at;
}

size_t TrailingSpace(std::string_view text) {
  size_t end = text.size();
  while (end > 0) {
    size_t start = end - 1;
    while (start > 0 && (static_cast<uint8_t>(text[start]) & 0xC0) == 0x80) --start;
    if (!IsSpace(CodePoint(text, start))) break;
    end = start;
  }
  return text.size() - end;
}

std::string Upper(std::string_view text) { return Map(text, AppendUpper); }
std::string Lower(std::string_view text) { return Map(text, AppendLower); }

std::string Capitalize(std::string_view text) {
  if (text.empty()) return "";
  const size_t first = NextCharacter(text, 0);
  return Map(text.substr(0, first), AppendTitle) + Lower(text.substr(first));
}

std::string Title(std::string_view text) {
  bool inside = false;  // the character before is a cased letter
  return Map(text, [&](uint32_t c, std::string& out) {
    if (inside) {
      AppendLower(c, out);
    } else {
      AppendTitle(c, out);
    }
    inside = IsUpper(c) || IsLower(c) || Category(c) == UTF8PROC_CATEGORY_LT;
  });
}

bool IsAlpha(uint32_t c) {
  const utf8proc_category_t category = Category(c);
  return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
}
bool IsDigit(uint32_t c) { return Category(c) == UTF8PROC_CATEGORY_ND; }
bool IsUpper(uint32_t c) { return Category(c) == UTF8PROC_CATEGORY_LU; }
bool IsLower(uint32_t c) { return Category(c) == UTF8PROC_CATEGORY_LL; }

bool IsPrintable(uint32_t c) {
  switch (Category(c)) {
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
      return false;
    case UTF8PROC_CATEGORY_ZS:
      return c == ' ';
    default:
      return true;
  }
}

}  // namespace meap::jinja
