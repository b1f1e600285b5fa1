// Character classes as the Hugging Face `tokenizers` package has them (see
// tools/unicode_tables.py).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace meap::unicode {

/// Bits of a code point's class. "Number" and "letter" are the regular expressions' \p{N} and
/// \p{L}; "numeric" is the Digits pre-tokeniser's (a newer Unicode version). "Word" is \w of added
/// tokens and of the Whitespace pre-tokeniser.
enum ClassBit : uint8_t {
  kLetter = 1,
  kNumber = 2,
  kSpace = 4,
  kNumeric = 8,
  kPunctuation = 16,
  kWord = 32,
};

/// The classes of every code point below 0x110000, built on first use.
const uint8_t* ClassTable();

using Ranges = std::vector<std::pair<uint32_t, uint32_t>>;

/// Code points of a regular expression's property, ascending and not adjacent: a general category
/// ("L", "Lu", ..., "N", "P"), "Han", or "space", "word", "digit" for \s, \w, \d. Empty when the
/// name is none of these.
Ranges PropertyRanges(std::string_view name);

/// Everything that is not in `ranges`, surrogates left out.
Ranges Complement(const Ranges& ranges);

/// True for a code point of Unicode 9.0, which is what the reference's normaliser knows: it leaves
/// younger characters as they are.
bool NormalizerKnows(uint32_t code_point);

/// Appends the lower case of one code point.
void AppendLowercase(uint32_t code_point, std::string& out);

}  // namespace meap::unicode
