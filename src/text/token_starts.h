// Where in a text its tokens start.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace meap {

/// What a token stands for in the text it was cut from; nothing for one that stands for anything
/// (the unknown token).
using TokenSurface = std::function<std::optional<std::string_view>(int32_t id)>;

/// Appends, for each id, the byte of `text` at which it starts. The ids are the tokens of `text` in
/// order; a space or U+2581 that the tokenizer put before the text, white space that it left out
/// and spaces written as U+2581 are allowed for. Non-decreasing, at most text.size().
void AppendTokenStarts(std::string_view text, std::span<const int32_t> ids,
                       const TokenSurface& surface, std::vector<size_t>& starts);

}  // namespace meap
