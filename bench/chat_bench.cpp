// Conversations to tagged tokens: chat_bench FOLDER FILE prints {"seconds", "samples", "tokens"}
// for rendering and encoding every conversation of an instruction file on one thread.
#include <chrono>
#include <cstdio>

#include "chat/read_conversations.h"
#include "chat/sample.h"

int main(int, char** arguments) {
  const meap::Tokenizer tokenizer = meap::Tokenizer::Load(arguments[1]);
  const meap::ChatTemplate chat("model", tokenizer);
  std::vector<meap::Conversation> conversations;
  meap::ConversationReader reader(arguments[2]);
  for (meap::Conversation conversation; reader.Next(conversation);) {
    conversations.push_back(conversation);
  }
  const auto start = std::chrono::steady_clock::now();
  size_t tokens = 0;
  for (const meap::Conversation& conversation : conversations) {
    tokens += EncodeConversation(chat, tokenizer, conversation.messages).ids.size();
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  std::printf("{\"seconds\": %.6f, \"samples\": %zu, \"tokens\": %zu}\n", seconds.count(),
              conversations.size(), tokens);
}
