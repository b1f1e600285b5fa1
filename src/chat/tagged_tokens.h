// A rendered conversation as tokens: what fine-tuning samples are made of.
#pragma once

#include <cstdint>
#include <vector>

namespace meap {

/// The part that a token plays. A token belongs where its first character does, but blanks that the
/// template puts before an answer count to the answer's first token where they are part of it.
enum class TokenRole : uint8_t {
  kPrompt,  // BOS, questions, history, whatever the template writes around answers
  kAnswer,  // an assistant's message
  kEnd,     // what the template puts after an answer, up to and with the end-of-turn or EOS token
};

/// A rendered conversation, [BOS] prompt answer end prompt answer end ... The three vectors have
/// one element for each token.
struct TaggedTokens {
  std::vector<int32_t> ids = {};
  std::vector<TokenRole> roles = {};
  /// 1 for special tokens: BOS, EOS, padding, role markers that are tokens; never masked.
  std::vector<uint8_t> special = {};
};

}  // namespace meap
