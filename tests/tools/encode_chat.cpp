// Renders and encodes conversations for the Python tests.
//   encode_chat FOLDER TEMPLATE: lines {"messages"} on stdin; on stdout {"text", "prompt" (with
//     add_generation_prompt), "ids", "roles", "special"}, or {"error"}
//   encode_chat --export FOLDER TEMPLATE TO: writes the tokenizer with the template as its own
//   encode_chat --read FILE: a line {"place", "messages"} for each conversation of an instruction
//     file, then {"dropped", "records"}
#include <iostream>
#include <nlohmann/json.hpp>

#include "chat/read_conversations.h"
#include "chat/sample.h"
#include "core/error.h"

namespace {

using nlohmann::ordered_json;

std::vector<meap::Message> Messages(const ordered_json& list) {
  std::vector<meap::Message> messages;
  for (const ordered_json& message : list) {
    messages.push_back({message["role"], message["content"], message.value("input", "")});
  }
  return messages;
}

ordered_json Encode(const meap::ChatTemplate& chat, const meap::Tokenizer& tokenizer,
                    const std::vector<meap::Message>& messages) {
  ordered_json out;
  try {
    out["text"] = chat.Render(messages, false).text;
    out["prompt"] = chat.Render(messages, true).text;
    const meap::TaggedTokens sample = EncodeConversation(chat, tokenizer, messages);
    out["ids"] = sample.ids;
    out["roles"] = ordered_json::array();
    for (const meap::TokenRole role : sample.roles) out["roles"].push_back(static_cast<int>(role));
    out["special"] = sample.special;
  } catch (const meap::InputError& error) {
    out["error"] = error.what();
  }
  return out;
}

void Read(const char* file) {
  meap::ConversationReader reader(file);
  for (meap::Conversation conversation; reader.Next(conversation);) {
    ordered_json messages = ordered_json::array();
    for (const meap::Message& message : conversation.messages) {
      messages.push_back({message.role, message.content, message.input});
    }
    std::cout << ordered_json{{"place", conversation.place}, {"messages", messages}}.dump() << "\n";
  }
  std::cout
      << ordered_json{{"dropped", reader.drops().total()}, {"records", reader.records()}}.dump()
      << "\n";
}

}  // namespace

int main(int, char** arguments) {
  try {
    if (std::string(arguments[1]) == "--read") {
      Read(arguments[2]);
      return 0;
    }
    if (std::string(arguments[1]) == "--export") {
      meap::Tokenizer exported = meap::Tokenizer::Load(arguments[2]);
      exported.SetChatTemplate(meap::ChatTemplate(arguments[3], exported).Source(exported));
      exported.Save(arguments[4]);
      return 0;
    }
    const meap::Tokenizer tokenizer = meap::Tokenizer::Load(arguments[1]);
    const meap::ChatTemplate chat(arguments[2], tokenizer);
    for (std::string line; std::getline(std::cin, line);) {
      const ordered_json request = ordered_json::parse(line);
      std::cout << Encode(chat, tokenizer, Messages(request["messages"])).dump() << "\n";
    }
  } catch (const meap::Error& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
