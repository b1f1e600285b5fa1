// Text to tokens and back, as far as the long-context tasks need it.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace meap {

class Tokenizer;

/// Lengths and insertion points of the haystack tasks are in tokens of the model under test.
struct TokenCodec {
  /// Ids of a text, without special tokens.
  std::function<std::vector<int32_t>(std::string_view)> encode;
  /// Text of ids, valid UTF-8, special tokens included.
  std::function<std::string(std::span<const int32_t>)> decode;
  /// The tokens whose own text is exactly ".": where a needle may follow.
  std::vector<int32_t> full_stops;
};

/// The codec of a tokenizer, which must outlive it.
TokenCodec CodecOf(const Tokenizer& tokenizer);

}  // namespace meap
