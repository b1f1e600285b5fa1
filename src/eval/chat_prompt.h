// A task's chat under a model's template.
#pragma once

#include <span>

#include "chat/chat_template.h"
#include "eval/task.h"

namespace meap {

/// A chat up to its answer, as text and tokens. Two turns of the user's in a row become one, an
/// empty line between them, where the template refuses them or was made for turns that alternate.
RenderedPrompt EncodeChat(const ChatTemplate& chat, const Tokenizer& tokenizer,
                          std::span<const ChatTurn> turns);

}  // namespace meap
