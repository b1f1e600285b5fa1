// Chat templates: conversations as the text that a model was tuned on.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "chat/conversation.h"
#include "text/tokenizer.h"

namespace meap {

/// Bytes [begin, end) of a rendered text.
struct TextSpan {
  size_t begin;
  size_t end;
};

struct RenderedChat {
  std::string text;
  /// What the assistant's messages became in it, in order, without what the template puts around
  /// them.
  std::vector<TextSpan> answers;
};

/// One template, bound to a tokenizer's special tokens. Const calls are thread-safe.
class ChatTemplate {
 public:
  /// `name`: "model" for the tokenizer's own template ("alpaca" where it has none), or a built-in
  /// one (BuiltInTemplates). An unknown name is an InputError.
  ChatTemplate(std::string_view name, const Tokenizer& tokenizer);

  /// The text of a conversation, equal to transformers' apply_chat_template; with
  /// `add_generation_prompt`, up to where the next answer begins. Roles that the template refuses
  /// are an InputError.
  RenderedChat Render(std::span<const Message> messages, bool add_generation_prompt) const;

  /// "alpaca", "model", ...: what the template in use is called; "alpaca" where the model has none.
  const std::string& name() const { return name_; }
  /// True when encoding puts the tokenizer's BOS before the text, which does not hold it itself.
  bool adds_bos() const { return adds_bos_; }

 private:
  std::string name_;
  std::string eos_;
  bool adds_bos_ = false;
};

/// The names of the built-in templates.
std::vector<std::string> BuiltInTemplates();

}  // namespace meap
