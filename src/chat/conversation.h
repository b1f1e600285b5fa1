// A conversation: what an instruction file holds and what a chat template renders.
#pragma once

#include <string>
#include <vector>

namespace meap {

/// One turn. Roles are "system", "user" and "assistant".
struct Message {
  std::string role;
  std::string content;
  /// The `input` of an Alpaca item, on the user's turn; "" for none. The alpaca template gives it a
  /// heading of its own, every other template sees content + "\n" + input.
  std::string input = {};
};

struct Conversation {
  std::vector<Message> messages;
  std::string place;  // "file:line", for messages
};

}  // namespace meap
