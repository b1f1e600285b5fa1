// A conversation as tokens, each with its part in it: what fine-tuning samples are made of.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "chat/chat_template.h"
#include "chat/conversation.h"
#include "chat/tagged_tokens.h"
#include "text/tokenizer.h"

namespace meap {

/// Renders and encodes a conversation. An answer is what an assistant's message became (a template
/// may trim it), from where the prompt for it ends; one that leaves no token is an InputError that
/// names the message. A conversation that ends with an answer ends with that answer's end token
/// (where it has one), whatever the template writes behind it. A model's own template is encoded as
/// it stands; with a built-in one BOS stands once, at the start: where the template writes it or
/// where the tokenizer's post-processor puts it.
TaggedTokens EncodeConversation(const ChatTemplate& chat, const Tokenizer& tokenizer,
                                std::span<const Message> messages);

/// The ids of a text that the template rendered.
std::vector<int32_t> EncodeRendered(const ChatTemplate& chat, const Tokenizer& tokenizer,
                                    const std::string& text);

/// The ids of a conversation up to where the next answer begins.
std::vector<int32_t> EncodePrompt(const ChatTemplate& chat, const Tokenizer& tokenizer,
                                  std::span<const Message> messages);

/// The ids that end an answer under this template, which generation stops at: EOS and the token
/// that the template puts after an answer, as far as they exist.
std::vector<int32_t> EndTokens(const ChatTemplate& chat, const Tokenizer& tokenizer);

}  // namespace meap
