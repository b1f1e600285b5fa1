#include "chat/chat_template.h"

#include <algorithm>

#include "chat/built_in.h"
#include "core/console.h"
#include "core/error.h"
#include "core/strings.h"
#include "jinja/template.h"

namespace meap {
namespace {

using internal::BuiltInTemplate;

const BuiltInTemplate& BuiltIn(const std::string& name) {
  for (const BuiltInTemplate& candidate : internal::AllBuiltInTemplates()) {
    if (candidate.name == name) return candidate;
  }
  const std::string near = NearestName(name, BuiltInTemplates());
  throw InputError({.what = "unknown chat template",
                    .where = "template",
                    .expected = "model, " + Join(BuiltInTemplates(), ", "),
                    .got = name,
                    .hint = near.empty() ? "" : "did you mean " + near + "?"});
}

void CheckTokens(const BuiltInTemplate& built_in, const Tokenizer& tokenizer) {
  for (const std::string_view token : built_in.needs) {
    if (tokenizer.TokenToId(token)) continue;
    throw InputError({.what = "the tokenizer does not fit the chat template",
                      .where = "template: " + std::string(built_in.name),
                      .expected = "a token " + std::string(token),
                      .got = "a vocabulary without it",
                      .hint = "take another template: alpaca needs no tokens of its own"});
  }
}

/// The variables that transformers gives a template, but for the messages.
jinja::Dict SpecialTokens(const Tokenizer& tokenizer) {
  jinja::Dict variables;
  const auto add = [&](const char* name, std::optional<int32_t> id) {
    if (id) variables.Set(name, tokenizer.IdToToken(*id).value_or(""));
  };
  add("bos_token", tokenizer.bos());
  add("eos_token", tokenizer.eos());
  add("unk_token", tokenizer.unk());
  add("pad_token", tokenizer.pad());
  add("mask_token", tokenizer.mask());
  variables.Set("tools", jinja::None{});
  variables.Set("documents", jinja::None{});
  return variables;
}

/// True where a text's first word is another token behind a written BOS than behind one that is
/// added, and a blank between them makes it the same (Metaspace that marks the text's start alone).
bool BosTakesTheBlank(const Tokenizer& tokenizer) {
  const std::string bos = tokenizer.IdToToken(*tokenizer.bos()).value_or("");
  std::vector<int32_t> added = tokenizer.Encode("Below", false);
  added.insert(added.begin(), *tokenizer.bos());
  return tokenizer.Encode(bos + "Below", false) != added &&
         tokenizer.Encode(bos + " Below", false) == added;
}

/// The message as the template sees it; an assistant's content is marked with `source`.
jinja::Value ToValue(const Message& message, int source) {
  jinja::Dict dict;
  dict.Set("role", message.role);
  jinja::Text content{message.content};
  if (!message.input.empty()) content.bytes += "\n" + message.input;
  if (message.role == "assistant" && !content.bytes.empty()) {
    content.marks.push_back({0, content.bytes.size(), source});
  }
  dict.Set("content", std::move(content));
  if (!message.input.empty()) {
    dict.Set("instruction", message.content);
    dict.Set("input", message.input);
  }
  return dict;
}

/// What became of message `source`, and up to where a {% generation %} block around it goes.
std::optional<RenderedAnswer> FindAnswer(const jinja::Text& text, int source) {
  std::optional<RenderedAnswer> answer;
  for (const jinja::Mark& mark : text.marks) {
    if (mark.source != source) continue;
    if (!answer) answer = {mark.begin, mark.end, 0};
    answer->begin = std::min(answer->begin, mark.begin);
    answer->end = std::max(answer->end, mark.end);
  }
  if (!answer) return answer;
  answer->stop = answer->end;
  for (const jinja::Mark& mark : text.marks) {
    if (mark.source != jinja::kGenerationSource) continue;
    if (mark.begin > answer->begin || mark.end < answer->end) continue;
    answer->begin = mark.begin;
    answer->stop = mark.end;
  }
  return answer;
}

}  // namespace

std::vector<std::string> BuiltInTemplates() {
  std::vector<std::string> names;
  for (const BuiltInTemplate& built_in : internal::AllBuiltInTemplates()) {
    names.emplace_back(built_in.name);
  }
  return names;
}

ChatTemplate::ChatTemplate(std::string_view name, const Tokenizer& tokenizer) : name_(name) {
  const std::string& own = tokenizer.chat_template();
  if (name_ == "model" && !own.empty()) {
    source_ = own;
    template_ = std::make_shared<const jinja::Template>(own, "chat_template");
  } else {
    if (name_ == "model") {
      Note("the model has no chat template: alpaca is used");
      name_ = "alpaca";
    }
    const BuiltInTemplate& built_in = BuiltIn(name_);
    CheckTokens(built_in, tokenizer);
    source_ = built_in.source;
    template_ = std::make_shared<const jinja::Template>(source_, name_);
    adds_bos_ = tokenizer.AddsBos();
  }
  variables_ = std::make_shared<const jinja::Dict>(SpecialTokens(tokenizer));
}

std::string ChatTemplate::Source(const Tokenizer& tokenizer) const {
  if (!adds_bos_ || source_.find("bos_token") != std::string::npos) return source_;
  const std::string blank =
      BosTakesTheBlank(tokenizer) ? "('' if chat.startswith(' ') else ' ') ~ " : "";
  return "{%- set chat -%}" + source_ +
         "{%- endset -%}{{- chat if chat.startswith(bos_token) else bos_token ~ " + blank +
         "chat -}}";
}

RenderedChat ChatTemplate::Render(std::span<const Message> messages,
                                  bool add_generation_prompt) const {
  jinja::Sequence list;
  for (const Message& message : messages) {
    list.items.push_back(ToValue(message, static_cast<int>(list.items.size())));
  }
  jinja::Dict variables = *variables_;
  variables.Set("messages", std::move(list));
  variables.Set("add_generation_prompt", add_generation_prompt);
  jinja::Text text = template_->Render(variables);
  RenderedChat chat;
  for (size_t i = 0; i < messages.size(); ++i) {
    if (messages[i].role != "assistant") continue;
    if (const auto answer = FindAnswer(text, static_cast<int>(i))) chat.answers.push_back(*answer);
  }
  chat.text = std::move(text.bytes);
  return chat;
}

}  // namespace meap
