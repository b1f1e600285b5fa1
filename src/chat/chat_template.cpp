#include "chat/chat_template.h"

#include "core/error.h"
#include "core/strings.h"

namespace meap {
namespace {

constexpr std::string_view kTask = "Below is an instruction that describes a task";
constexpr std::string_view kWithInput = ", paired with an input that provides further context";
constexpr std::string_view kWrite = ". Write a response that appropriately completes the request.";

}  // namespace

std::vector<std::string> BuiltInTemplates() { return {"alpaca", "plain"}; }

ChatTemplate::ChatTemplate(std::string_view name, const Tokenizer& tokenizer)
    : name_(name == "model" ? "alpaca" : name), adds_bos_(tokenizer.AddsBos()) {
  if (name_ != "alpaca" && name_ != "plain") {
    throw InputError({.what = "unknown chat template",
                      .where = "template",
                      .expected = "model, " + Join(BuiltInTemplates(), ", "),
                      .got = name_});
  }
  if (tokenizer.eos()) eos_ = tokenizer.IdToToken(*tokenizer.eos()).value_or("");
}

RenderedChat ChatTemplate::Render(std::span<const Message> messages,
                                  bool add_generation_prompt) const {
  RenderedChat chat;
  bool with_input = false;
  for (const Message& message : messages) with_input = with_input || !message.input.empty();
  if (name_ == "alpaca") {
    chat.text = std::string(kTask).append(with_input ? kWithInput : "").append(kWrite);
  }
  for (const Message& message : messages) {
    if (message.role == "assistant") {
      chat.answers.push_back({chat.text.size(), chat.text.size() + message.content.size()});
      chat.text += message.content + eos_;
    } else if (name_ == "plain") {
      chat.text += message.content;
    } else {
      chat.text += "\n\n### Instruction:\n" + message.content;
      if (!message.input.empty()) chat.text += "\n\n### Input:\n" + message.input;
      chat.text += "\n\n### Response:";
    }
  }
  (void)add_generation_prompt;
  return chat;
}

}  // namespace meap
