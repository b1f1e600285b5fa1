#include "chat/read_conversations.h"

#include "core/error.h"
#include "core/json.h"
#include "core/strings.h"

namespace meap {
namespace {

using simdjson::dom::element;

constexpr size_t kMaxRecordBytes = size_t{64} << 20;
constexpr const char* kForms =
    "objects with \"messages\", \"conversations\", \"instruction\" and \"output\", or \"prompt\" "
    "and \"completion\"";

/// Why a record cannot be used, and what in it.
struct Refusal {
  DropReason reason;
  std::string detail;
};

std::string_view String(element object, const char* key) {
  element value;
  if (!FindKey(object, key, value) || value.is_null()) {
    throw Refusal{DropReason::kMissingField, std::string("no \"") + key + "\""};
  }
  std::string_view text;
  if (value.get_string().get(text) != simdjson::SUCCESS) {
    throw Refusal{DropReason::kWrongType, std::string("\"") + key + "\" is no string"};
  }
  return text;
}

bool Has(element object, const char* key) {
  element value;
  return FindKey(object, key, value);
}

std::string RoleName(std::string_view written) {
  if (written == "system" || written == "user" || written == "assistant") {
    return std::string(written);
  }
  if (written == "human") return "user";
  if (written == "gpt" || written == "chatgpt" || written == "model") return "assistant";
  throw Refusal{DropReason::kUnknownRole, "role \"" + std::string(written) + "\""};
}

/// A message's text: a string, or the texts of a list of parts.
std::string Content(element message, const char* key) {
  element value;
  simdjson::dom::array parts;
  if (!FindKey(message, key, value) || value.get_array().get(parts) != simdjson::SUCCESS) {
    return std::string(String(message, key));
  }
  std::string text;
  for (const element part : parts) {
    if (!part.is_object() || String(part, "type") != "text") {
      throw Refusal{DropReason::kWrongType, "a part of \"content\" is no text"};
    }
    text += String(part, "text");
  }
  return text;
}

void AppendMessages(element object, const char* key, std::vector<Message>& messages) {
  element value;
  simdjson::dom::array list;
  if (!FindKey(object, key, value) || value.get_array().get(list) != simdjson::SUCCESS) {
    throw Refusal{DropReason::kWrongType, std::string("\"") + key + "\" is no list of messages"};
  }
  for (const element message : list) {
    if (!message.is_object()) {
      throw Refusal{DropReason::kWrongType, std::string("\"") + key + "\" holds no messages"};
    }
    const bool sharegpt = Has(message, "from");
    std::string role = RoleName(String(message, sharegpt ? "from" : "role"));
    messages.push_back({std::move(role), Content(message, sharegpt ? "value" : "content")});
  }
}

std::vector<Message> Alpaca(element object) {
  Message question{"user", std::string(String(object, "instruction"))};
  element input;
  if (FindKey(object, "input", input) && !input.is_null()) {
    question.input = String(object, "input");
  }
  return {std::move(question), {"assistant", std::string(String(object, "output"))}};
}

std::vector<Message> PromptAndCompletion(element object) {
  element prompt;
  if (FindKey(object, "prompt", prompt) && prompt.is_array()) {
    std::vector<Message> messages;
    AppendMessages(object, "prompt", messages);
    if (!Has(object, "completion")) throw Refusal{DropReason::kMissingField, "no \"completion\""};
    AppendMessages(object, "completion", messages);
    return messages;
  }
  return {{"user", std::string(String(object, "prompt"))},
          {"assistant", std::string(String(object, "completion"))}};
}

bool IsKnownForm(element object) {
  for (const char* key :
       {"messages", "conversations", "instruction", "output", "prompt", "completion"}) {
    if (Has(object, key)) return true;
  }
  return false;
}

std::vector<Message> MessagesOf(element object) {
  std::vector<Message> messages;
  for (const char* key : {"messages", "conversations"}) {
    if (!Has(object, key)) continue;
    AppendMessages(object, key, messages);
    return messages;
  }
  if (Has(object, "instruction") || Has(object, "output")) return Alpaca(object);
  if (Has(object, "prompt") || Has(object, "completion")) return PromptAndCompletion(object);
  throw Refusal{DropReason::kMissingField, "none of the known forms"};
}

/// An optional system message, then user and assistant in turns, none of them empty.
void CheckTurns(const std::vector<Message>& messages) {
  const size_t first = !messages.empty() && messages[0].role == "system" ? 1 : 0;
  for (size_t i = first; i < messages.size(); ++i) {
    const bool user = (i - first) % 2 == 0;
    const std::string number = "message " + std::to_string(i + 1);
    if (messages[i].role != (user ? "user" : "assistant")) {
      throw Refusal{DropReason::kRoleOrder, number + " is the " + messages[i].role + "'s"};
    }
    if (IsBlank(messages[i].content) && IsBlank(messages[i].input)) {
      throw Refusal{user ? DropReason::kEmptyPrompt : DropReason::kEmptyAnswer, number};
    }
  }
  if (messages.size() == first) throw Refusal{DropReason::kRoleOrder, "no user's message"};
}

void CheckAnswered(const std::vector<Message>& messages) {
  if (messages.back().role == "assistant") return;
  throw Refusal{DropReason::kRoleOrder, "the last message is the user's"};
}

element Parse(simdjson::dom::parser& parser, std::string_view json) {
  element root;
  const simdjson::error_code error = parser.parse(json.data(), json.size()).get(root);
  if (error == simdjson::MEMALLOC) throw std::bad_alloc();
  if (error == simdjson::UTF8_ERROR) throw Refusal{DropReason::kInvalidUtf8, ""};
  if (error != simdjson::SUCCESS) throw Refusal{DropReason::kBadJson, ""};
  return root;
}

std::string Keys(element object) {
  std::vector<std::string> keys;
  simdjson::dom::object fields;
  if (object.get_object().get(fields) != simdjson::SUCCESS) return "a JSON value that is no object";
  for (const auto field : fields) keys.emplace_back(field.key);
  return keys.empty() ? "an empty object" : "an object with " + Join(keys, ", ");
}

}  // namespace

ConversationReader::ConversationReader(const fs::path& path, std::atomic<uint64_t>* consumed)
    : path_(path), reader_(OpenJsonRecords(path, kMaxRecordBytes, consumed)) {}

std::string ConversationReader::Place() const {
  return path_.string() + ":" + std::to_string(reader_->line());
}

bool ConversationReader::Next(Conversation& conversation) {
  std::string_view json;
  const auto fail_form = [&](const std::string& got) {
    throw InputError({.what = "not a file of instructions",
                      .where = Place(),
                      .expected = kForms,
                      .got = got,
                      .hint = "rename the fields, or convert the file"});
  };
  while (reader_->Next(json)) {
    const bool first = ++records_ == 1;
    try {
      if (json.empty()) throw Refusal{DropReason::kTooLong, ""};
      const element root = Parse(parser_, json);
      if (first && !IsKnownForm(root)) fail_form(Keys(root));
      if (!root.is_object()) throw Refusal{DropReason::kWrongType, "no object"};
      conversation.messages = MessagesOf(root);
      CheckTurns(conversation.messages);
      CheckAnswered(conversation.messages);
      conversation.place = Place();
      return true;
    } catch (const Refusal& refusal) {
      if (first && refusal.reason == DropReason::kBadJson) fail_form("a line that is no JSON");
      const std::string detail = refusal.detail.empty() ? "" : ": " + refusal.detail;
      drops_.Add(refusal.reason, Place() + detail);
    }
  }
  return false;
}

std::vector<Message> ParseMessages(std::string_view json, const std::string& where) {
  try {
    simdjson::dom::parser parser;
    const element root = Parse(parser, json);
    std::vector<Message> messages;
    if (root.is_array()) {
      const std::string wrapped = "{\"messages\":" + std::string(json) + "}";
      AppendMessages(Parse(parser, wrapped), "messages", messages);
    } else if (root.is_object()) {
      messages = MessagesOf(root);
    } else {
      throw Refusal{DropReason::kWrongType, "neither a list nor an object"};
    }
    CheckTurns(messages);
    return messages;
  } catch (const Refusal& refusal) {
    const std::string reason(DropReasonName(refusal.reason));
    throw InputError({.what = "the messages cannot be used",
                      .where = where,
                      .expected =
                          "[{\"role\": \"user\", \"content\": \"...\"}, ...]: an optional system "
                          "message, then user and assistant in turns, none of them empty",
                      .got = refusal.detail.empty() ? reason : reason + ": " + refusal.detail});
  }
}

}  // namespace meap
