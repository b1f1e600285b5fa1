// Small string helpers shared by all layers.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace meap {

/// The candidate nearest to `name` by edit distance, or "" when none is near enough to be meant.
std::string NearestName(std::string_view name, const std::vector<std::string>& candidates);

/// "a, b, c".
std::string Join(const std::vector<std::string>& parts, std::string_view separator);

/// True when `text` is empty or white space of ASCII alone: blanks, tabs, line ends.
bool IsBlank(std::string_view text);

/// `text` without the byte order mark (of UTF-8) that it may begin with.
std::string_view WithoutByteOrderMark(std::string_view text);

/// True when `text` is well-formed UTF-8 (no surrogates, no overlong forms).
bool IsValidUtf8(std::string_view text);

/// Appends the UTF-8 form of a code point.
void AppendUtf8(uint32_t code_point, std::string& out);

}  // namespace meap
