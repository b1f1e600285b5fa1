// A conversation as tokens, each with its part in it: what fine-tuning samples are made of.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "chat/chat_template.h"
#include "chat/conversation.h"
#include "text/tokenizer.h"

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
  std::vector<int32_t> ids;
  std::vector<TokenRole> roles;
  std::vector<uint8_t> special;  // 1 for special tokens: BOS, EOS, role markers; never masked
};

/// Renders and encodes a conversation. An answer is what an assistant's message became (a template
/// may trim it); one that leaves no token is an InputError that names the message. BOS stands at
/// most once, at the start: where the template writes it or, with a built-in template, where the
/// tokenizer's own post-processor puts it.
TaggedTokens EncodeConversation(const ChatTemplate& chat, const Tokenizer& tokenizer,
                                std::span<const Message> messages);

/// The ids of a conversation up to where the next answer begins.
std::vector<int32_t> EncodePrompt(const ChatTemplate& chat, const Tokenizer& tokenizer,
                                  std::span<const Message> messages);

/// The ids that end an answer under this template, which generation stops at: EOS and the token
/// that the template puts after an answer, as far as they exist.
std::vector<int32_t> EndTokens(const ChatTemplate& chat, const Tokenizer& tokenizer);

}  // namespace meap
