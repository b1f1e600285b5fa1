// Python's string methods, as the reference tools use them: what counts as a blank, a word or a
// lower-case letter decides scores. Texts are UTF-8; ill-formed bytes are passed through as they
// are.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace meap {

/// str.strip(): without the Unicode white space at both ends.
std::string_view StripText(std::string_view text);
/// str.rstrip(): without the Unicode white space at the end.
std::string_view StripTextEnd(std::string_view text);
/// str.split(): the parts between runs of Unicode white space, none of them empty.
std::vector<std::string_view> SplitWords(std::string_view text);
/// str.lower(): Unicode lower case; a final sigma becomes the final form.
std::string LowerText(std::string_view text);
/// str.capitalize(): the first character in title case, all others in lower case.
std::string CapitalizeText(std::string_view text);
/// len(): the number of code points.
size_t CountCodePoints(std::string_view text);
/// str.replace(): every occurrence of `from`, left to right, becomes `to`.
std::string ReplaceAll(std::string_view text, std::string_view from, std::string_view to);

/// A text in code points; ill-formed parts become U+FFFD.
std::u32string ToCodePoints(std::string_view text);
std::string FromCodePoints(std::u32string_view code_points);
/// str.isspace() of one character.
bool IsSpace(char32_t c);
/// A letter or a number, as Python's str.isalnum() of one character.
bool IsWordCharacter(char32_t c);
/// A letter whose lower case is another one.
bool IsUpper(char32_t c);

}  // namespace meap
