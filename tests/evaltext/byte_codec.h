// The codec of tests that need no tokenizer.
#pragma once

#include "evaltext/token_codec.h"
#include "text/utf8.h"

namespace meap::testing {

/// Every UTF-8 byte is a token; decoding replaces ill-formed parts by U+FFFD.
inline TokenCodec ByteCodec() {
  TokenCodec codec;
  codec.encode = [](std::string_view text) {
    std::vector<int32_t> ids;
    for (const char c : text) ids.push_back(static_cast<uint8_t>(c));
    return ids;
  };
  codec.decode = [](std::span<const int32_t> ids) {
    std::string text;
    for (const int32_t id : ids) text += static_cast<char>(id);
    return ReplaceInvalidUtf8(text);
  };
  codec.full_stops = {'.'};
  return codec;
}

}  // namespace meap::testing
