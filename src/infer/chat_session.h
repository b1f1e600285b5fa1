// A conversation with a model: its history under a chat template, kept inside the context.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "chat/chat_template.h"
#include "chat/conversation.h"
#include "infer/generator.h"
#include "infer/loaded_model.h"

namespace meap {

/// What one answer was.
struct ChatReply {
  std::string text;
  Finish finish = Finish::kEndToken;  // kCallback: on_text said so
  int64_t dropped_messages = 0;       // of the oldest turns, to make room in the context
};

/// Not thread-safe. `model` must outlive it.
class ChatSession {
 public:
  /// Called with each piece of an answer; whole characters. False ends the answer.
  using OnText = std::function<bool(const std::string& piece)>;

  ChatSession(const LoadedModel& model, ChatTemplate chat);

  /// Forgets everything, or all but the system message.
  void SetSystem(const std::string& text);
  void Reset();
  /// Adds a message of the user's. Text that is not UTF-8 is an InputError.
  void Say(const std::string& text);
  void SetMessages(std::vector<Message> messages) { messages_ = std::move(messages); }

  /// Answers the last message, which is the user's, and adds the answer to the history. Stops at
  /// the model's end tokens, at the template's, and at the limits of `sampling`. Where the history
  /// does not leave room for an answer, its oldest turns are forgotten, the system message never; a
  /// single message that is too long is an InputError. A message that cannot be answered, for this
  /// or any other reason, is forgotten.
  ChatReply Answer(const SamplingOptions& sampling, const OnText& on_text);

  const std::vector<Message>& messages() const { return messages_; }

 private:
  ChatReply AnswerLast(const SamplingOptions& sampling, const OnText& on_text);
  std::vector<int32_t> FitPrompt(int64_t max_new_tokens, int64_t& dropped);

  const LoadedModel& model_;
  ChatTemplate chat_;
  Generator generator_;
  std::vector<int32_t> end_tokens_;
  std::vector<Message> messages_;
};

}  // namespace meap
