// Characters as Python's str has them. Texts are well-formed UTF-8.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace meap::jinja {

/// The byte after the character at `at`.
size_t NextCharacter(std::string_view text, size_t at);
size_t CountCharacters(std::string_view text);
/// The byte at which character `index` begins; the end for an index past it.
size_t CharacterStart(std::string_view text, size_t index);
uint32_t CodePoint(std::string_view text, size_t at);

/// str.isspace() of one character.
bool IsSpace(uint32_t code_point);
/// Bytes of white space at the start and at the end of a text.
size_t LeadingSpace(std::string_view text);
size_t TrailingSpace(std::string_view text);

/// str.upper() and str.lower(). Characters whose case depends on their neighbours or has more than
/// one character are an error, not a different text.
std::string Upper(std::string_view text);
std::string Lower(std::string_view text);
/// str.capitalize() and str.title().
std::string Capitalize(std::string_view text);
std::string Title(std::string_view text);

bool IsAlpha(uint32_t code_point);
bool IsDigit(uint32_t code_point);
bool IsUpper(uint32_t code_point);
bool IsLower(uint32_t code_point);
/// str.isprintable() of one character.
bool IsPrintable(uint32_t code_point);

}  // namespace meap::jinja
