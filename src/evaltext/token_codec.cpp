#include "evaltext/token_codec.h"

#include "text/tokenizer.h"

namespace meap {

TokenCodec CodecOf(const Tokenizer& tokenizer) {
  TokenCodec codec;
  codec.encode = [&tokenizer](std::string_view text) { return tokenizer.Encode(text, false); };
  codec.decode = [&tokenizer](std::span<const int32_t> ids) {
    return tokenizer.Decode(ids, false);
  };
  // "." has more than one id where the vocabulary has it as a piece and as a byte token. A token
  // that decodes to "." only because a leading blank is dropped has a longer written form.
  for (const char* written : {".", "<0x2E>"}) {
    if (const auto id = tokenizer.TokenToId(written); id.has_value()) {
      codec.full_stops.push_back(*id);
    }
  }
  return codec;
}

}  // namespace meap
