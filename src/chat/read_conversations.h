// Instruction files: conversations in the forms that people have them in.
#pragma once

#include <simdjson.h>

#include <atomic>
#include <memory>

#include "chat/conversation.h"
#include "data/drops.h"
#include "data/json_records.h"

namespace meap {

/// Conversations of one file in order. Each record may have any of these forms:
///   Alpaca             {"instruction", "input" (may be missing), "output"}
///   messages (OpenAI)  {"messages": [{"role", "content"}]}, content a string or a list of
///                      {"type": "text", "text"}
///   ShareGPT           {"conversations": [{"from": "human" | "gpt" | "system", "value"}]}
///   prompt/completion  {"prompt", "completion"}, both strings or both lists of messages
/// Other keys are passed over. What cannot be trained on is counted in drops() with its place and
/// never handed out: broken JSON, a missing field, a value of a wrong type, an empty question or
/// answer, an unknown role, roles out of order (an optional system message, then user and assistant
/// in turns, ending with the assistant).
class ConversationReader {
 public:
  /// A file that cannot be opened, or whose first record has none of these forms, is an InputError
  /// that names file and line. `consumed`, when given, grows by the bytes read from disk.
  explicit ConversationReader(const fs::path& path, std::atomic<uint64_t>* consumed = nullptr);

  /// The next good conversation; false at the end.
  bool Next(Conversation& conversation);
  const DropCounts& drops() const { return drops_; }
  /// Records seen so far, dropped ones included.
  uint64_t records() const { return records_; }

 private:
  std::string Place() const;

  fs::path path_;
  std::unique_ptr<JsonRecordReader> reader_;
  simdjson::dom::parser parser_;
  DropCounts drops_;
  uint64_t records_ = 0;
};

/// Messages from the text of a JSON file: a list of messages, or an object that holds one as above.
/// Anything that is wrong is an InputError naming `where`. The last message may be a user's: this
/// is what a model answers.
std::vector<Message> ParseMessages(std::string_view json, const std::string& where);

}  // namespace meap
