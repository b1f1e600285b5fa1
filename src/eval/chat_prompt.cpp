#include "eval/chat_prompt.h"

#include <string>
#include <vector>

#include "chat/sample.h"
#include "core/error.h"

namespace meap {
namespace {

/// True for a template whose user's turn itself opens the answer ("[/INST]", "### Response:"): of
/// two such turns in a row the first would stand answered with nothing.
bool OpensAnswerInUserTurn(const ChatTemplate& chat) {
  const std::vector<Message> question = {{.role = "user", .content = "question"}};
  try {
    return chat.Render(question, false).text == chat.Render(question, true).text;
  } catch (const InputError&) {
    return false;  // refuses such a chat
  }
}

/// The messages with neighbours of one role made one.
std::vector<Message> Joined(const std::vector<Message>& messages) {
  std::vector<Message> joined;
  for (const Message& message : messages) {
    if (!joined.empty() && joined.back().role == message.role) {
      joined.back().content += "\n\n" + message.content;
    } else {
      joined.push_back(message);
    }
  }
  return joined;
}

}  // namespace

RenderedPrompt EncodeChat(const ChatTemplate& chat, const Tokenizer& tokenizer,
                          std::span<const ChatTurn> turns) {
  const auto encode = [&](std::span<const Message> messages) -> RenderedPrompt {
    const std::string text = chat.Render(messages, true).text;
    return {text, EncodeRendered(chat, tokenizer, text)};
  };
  std::vector<Message> messages;
  for (const ChatTurn& turn : turns) {
    messages.push_back({.role = turn.role, .content = turn.content});
  }
  const std::vector<Message> joined = Joined(messages);
  if (joined.size() < messages.size() && OpensAnswerInUserTurn(chat)) return encode(joined);
  try {
    return encode(messages);
  } catch (const InputError&) {
    if (joined.size() == messages.size()) throw;
    return encode(joined);
  }
}

}  // namespace meap
