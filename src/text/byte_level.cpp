// ByteLevel's alphabet, from GPT-2: printable Latin-1 characters stand for themselves, the other
// bytes for the characters from U+0100 on.
#include <array>

#include "core/strings.h"
#include "text/bpe_model.h"
#include "text/utf8.h"

namespace meap {
namespace {

struct Alphabet {
  std::array<uint32_t, 256> characters{};
  std::array<int, 512> bytes{};
  constexpr Alphabet() {
    bytes.fill(-1);
    uint32_t next = 256;
    for (uint32_t b = 0; b < 256; ++b) {
      const bool itself = (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
      characters[b] = itself ? b : next++;
      bytes[characters[b]] = static_cast<int>(b);
    }
  }
};
constexpr Alphabet kAlphabet;

}  // namespace

uint32_t ByteLevelCharacter(uint8_t byte) { return kAlphabet.characters[byte]; }

int ByteLevelByte(uint32_t character) {
  return character < kAlphabet.bytes.size() ? kAlphabet.bytes[character] : -1;
}

std::optional<std::string> ByteLevelBytes(std::string_view token) {
  std::string bytes;
  for (size_t i = 0; i < token.size(); i += Utf8Length(token[i])) {
    const int byte = ByteLevelByte(CodePointAt(token.data() + i));
    if (byte < 0) return std::nullopt;
    bytes += static_cast<char>(byte);
  }
  return bytes;
}

}  // namespace meap
