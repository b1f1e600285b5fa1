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

namespace jinja {
class Template;
struct Dict;
}  // namespace jinja

/// Where an assistant's message stands in a rendered text.
struct RenderedAnswer {
  /// Bytes [begin, end): what the message became, without what the template puts around it.
  size_t begin;
  size_t end;
  /// Bytes [end, stop) end the turn, as a {% generation %} block of the template tells; `end` where
  /// the template has none.
  size_t stop;
};

struct RenderedChat {
  std::string text;
  /// Of the assistant's messages, in order; one that the template leaves out, or whose text it
  /// changes beyond recognition, is missing.
  std::vector<RenderedAnswer> answers;
};

/// One template, bound to a tokenizer's special tokens. Const calls are thread-safe.
class ChatTemplate {
 public:
  /// `name`: "model" for the tokenizer's own Jinja template ("alpaca" where it has none, which a
  /// note says), or a built-in one (BuiltInTemplates). An unknown name, a template that our subset
  /// of Jinja cannot read, and a built-in one whose tokens the vocabulary lacks are an InputError.
  ChatTemplate(std::string_view name, const Tokenizer& tokenizer);

  /// The text of a conversation, equal to transformers' apply_chat_template; with
  /// `add_generation_prompt`, up to where the next answer begins. What the template refuses, and
  /// what it uses that our subset of Jinja lacks (jinja::UnsupportedTemplate), is an InputError
  /// with the line of the template.
  RenderedChat Render(std::span<const Message> messages, bool add_generation_prompt) const;

  /// The Jinja source of a template that gives the same ids where it is `tokenizer`'s own: it
  /// writes the BOS that encoding adds to a built-in one's text.
  std::string Source(const Tokenizer& tokenizer) const;

  /// "alpaca", "model", ...: what the template in use is called.
  const std::string& name() const { return name_; }
  /// True when encoding puts the tokenizer's BOS before a text that does not begin with it.
  bool adds_bos() const { return adds_bos_; }

 private:
  std::string name_;
  std::string source_;
  bool adds_bos_ = false;
  std::shared_ptr<const jinja::Template> template_;
  std::shared_ptr<const jinja::Dict> variables_;  // all but the messages
};

/// The names of the built-in templates.
std::vector<std::string> BuiltInTemplates();

}  // namespace meap
