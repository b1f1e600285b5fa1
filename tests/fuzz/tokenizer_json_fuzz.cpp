// Any bytes as a tokenizer.json, then encoding and decoding with what loads. Input: the JSON text,
// a zero byte, a text to encode. Errors are fine as long as they are meap's own.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/console.h"
#include "core/error.h"
#include "core/strings.h"
#include "text/tokenizer.h"

namespace {

void Check(bool condition) {
  if (!condition) std::abort();
}

void Exercise(const meap::Tokenizer& tokenizer, std::string_view text) {
  for (const bool special : {false, true}) {
    const std::vector<int32_t> ids = tokenizer.Encode(text, special);
    const std::string decoded = tokenizer.Decode(ids, special);
    Check(meap::IsValidUtf8(decoded));
    meap::StreamDecoder decoder(tokenizer, special);
    std::string streamed;
    for (const int32_t id : ids) {
      const std::string piece = decoder.Push(id);
      Check(meap::IsValidUtf8(piece));
      streamed += piece;
    }
    Check(streamed + decoder.Finish() == decoded);
    // A second time from the cache.
    Check(tokenizer.Encode(text, special) == ids);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  meap::SetQuiet(true);
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t zero = input.find('\0');
  const std::string_view text = zero == std::string_view::npos ? "" : input.substr(zero + 1);
  try {
    meap::Tokenizer tokenizer = meap::Tokenizer::FromJson(input.substr(0, zero));
    Exercise(tokenizer, text);
    tokenizer.AddMaskToken();
    Exercise(tokenizer, text);
  } catch (const meap::Error&) {
    return 0;
  }
  return 0;
}
