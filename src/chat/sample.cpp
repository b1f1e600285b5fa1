#include "chat/sample.h"

#include <algorithm>
#include <optional>

#include "core/error.h"
#include "core/strings.h"
#include "jinja/template.h"

namespace meap {
namespace {

struct Encoded {
  std::vector<int32_t> ids;
  std::vector<size_t> starts;  // bytes of the rendered text
};

Encoded Encode(const ChatTemplate& chat, const Tokenizer& tokenizer, const std::string& text) {
  Encoded encoded;
  encoded.ids = tokenizer.EncodeWithStarts(text, encoded.starts);
  if (chat.adds_bos() && (encoded.ids.empty() || encoded.ids[0] != tokenizer.bos())) {
    encoded.ids.insert(encoded.ids.begin(), *tokenizer.bos());
    encoded.starts.insert(encoded.starts.begin(), 0);
  }
  return encoded;
}

/// True for a token that is no text: what the tokenizer flags as special or names as BOS, EOS or
/// padding, and role markers that it has as ordinary added tokens. Added runs of blanks are text.
bool IsMarker(const Tokenizer& tokenizer, int32_t id) {
  if (tokenizer.IsSpecial(id) || id == tokenizer.bos() || id == tokenizer.eos() ||
      id == tokenizer.pad()) {
    return true;
  }
  return tokenizer.IsAdded(id) && !IsBlank(tokenizer.IdToToken(id).value_or(""));
}

/// Token indices [begin, end) of one answer.
struct TokenSpan {
  size_t begin;
  size_t end;
};

/// The index of the first token that starts at or after a byte.
size_t TokenAt(const Encoded& encoded, size_t byte) {
  const auto found = std::lower_bound(encoded.starts.begin(), encoded.starts.end(), byte);
  return static_cast<size_t>(found - encoded.starts.begin());
}

/// An answer's tokens. One that begins with blanks before the answer (the template's " " and the
/// first word are one token in many vocabularies) is what the model has to say first: it counts.
TokenSpan TokensOf(std::string_view text, const Encoded& encoded, const RenderedAnswer& answer) {
  TokenSpan span{TokenAt(encoded, answer.begin), TokenAt(encoded, answer.end)};
  if (span.begin == 0) return span;
  const size_t before = encoded.starts[span.begin - 1];
  const size_t next = span.begin < encoded.starts.size() ? encoded.starts[span.begin] : text.size();
  const bool straddles = next > answer.begin && before < answer.begin;
  if (straddles && IsBlank(text.substr(before, answer.begin - before))) --span.begin;
  return span;
}

void Tag(size_t begin, size_t end, TokenRole role, TaggedTokens& sample) {
  std::fill(sample.roles.begin() + static_cast<int64_t>(begin),
            sample.roles.begin() + static_cast<int64_t>(end), role);
}

/// Tags as kEnd what follows an answer (its first token, its first byte) up to the first special
/// token, where nothing but white space stands before that.
void TagEnd(std::string_view text, const Encoded& encoded, size_t token, size_t byte,
            TaggedTokens& sample) {
  size_t end = token;
  while (end < sample.special.size() && sample.special[end] == 0) ++end;
  if (end == sample.special.size()) return;
  const std::string_view between = text.substr(byte, encoded.starts[end] - byte);
  if (!IsBlank(between)) return;
  Tag(token, end + 1, TokenRole::kEnd, sample);
}

void CheckAllAnswered(std::span<const Message> messages, const RenderedChat& rendered) {
  size_t expected = 0;
  for (const Message& message : messages) expected += message.role == "assistant" ? 1 : 0;
  if (rendered.answers.size() == expected) return;
  throw InputError({.what = "the chat template leaves out an answer, or changes its text",
                    .where = "the assistant's messages",
                    .expected = std::to_string(expected) + " answers in the rendered text",
                    .got = std::to_string(rendered.answers.size()),
                    .hint = "take another template for training: template=chatml, alpaca, ..."});
}

/// Takes off what a template writes behind the end token of the last answer (ChatML's line break):
/// a sample ends there. One without such a token stays whole.
void CutBehindLastEnd(TaggedTokens& sample) {
  const auto last = std::find_if(sample.roles.rbegin(), sample.roles.rend(),
                                 [](TokenRole role) { return role != TokenRole::kPrompt; });
  if (last == sample.roles.rend() || *last != TokenRole::kEnd) return;
  const auto size = static_cast<size_t>(sample.roles.rend() - last);
  sample.ids.resize(size);
  sample.roles.resize(size);
  sample.special.resize(size);
}

/// The length of the prompt that `messages` make; nothing where `text` does not begin with it.
std::optional<size_t> PromptLength(const ChatTemplate& chat, std::span<const Message> messages,
                                   const std::string& text) {
  try {
    const std::string prompt = chat.Render(messages, true).text;
    return text.starts_with(prompt) ? std::optional(prompt.size()) : std::nullopt;
  } catch (const jinja::UnsupportedTemplate&) {
    throw;
  } catch (const InputError&) {
    return std::nullopt;  // the template refuses a conversation of these alone
  }
}

/// Moves the start of each answer to where the prompt for it ends: what the template writes between
/// the two (a blank, "<think>") is the model's to say. Left where it is for a template that writes
/// the turns before an answer otherwise than it does within the whole.
void BeginAfterPrompts(const ChatTemplate& chat, std::span<const Message> messages,
                       RenderedChat& rendered) {
  size_t earliest = 0;
  auto answer = rendered.answers.begin();
  for (size_t i = 0; i < messages.size(); ++i) {
    if (messages[i].role != "assistant") continue;
    if (answer->stop == answer->end) {  // no {% generation %} block tells
      const auto prompt = PromptLength(chat, messages.first(i), rendered.text);
      if (prompt && *prompt >= earliest && *prompt < answer->begin) answer->begin = *prompt;
    }
    earliest = answer->stop;
    ++answer;
  }
}

}  // namespace

TaggedTokens EncodeConversation(const ChatTemplate& chat, const Tokenizer& tokenizer,
                                std::span<const Message> messages) {
  RenderedChat rendered = chat.Render(messages, false);
  CheckAllAnswered(messages, rendered);
  BeginAfterPrompts(chat, messages, rendered);
  Encoded encoded = Encode(chat, tokenizer, rendered.text);
  TaggedTokens sample;
  sample.roles.assign(encoded.ids.size(), TokenRole::kPrompt);
  for (const int32_t id : encoded.ids) {
    sample.special.push_back(IsMarker(tokenizer, id) ? 1 : 0);
  }
  for (size_t i = 0; i < rendered.answers.size(); ++i) {
    const RenderedAnswer& answer = rendered.answers[i];
    const TokenSpan tokens = TokensOf(rendered.text, encoded, answer);
    if (tokens.begin >= tokens.end) {
      throw InputError({.what = "an answer is empty",
                        .where = "the assistant's message " + std::to_string(i + 1),
                        .expected = "an answer of at least one token"});
    }
    Tag(tokens.begin, tokens.end, TokenRole::kAnswer, sample);
    if (answer.stop > answer.end) {
      Tag(tokens.end, TokenAt(encoded, answer.stop), TokenRole::kEnd, sample);
    } else {
      TagEnd(rendered.text, encoded, tokens.end, answer.end, sample);
    }
  }
  sample.ids = std::move(encoded.ids);
  if (!messages.empty() && messages.back().role == "assistant") CutBehindLastEnd(sample);
  return sample;
}

std::vector<int32_t> EncodeRendered(const ChatTemplate& chat, const Tokenizer& tokenizer,
                                    const std::string& text) {
  return Encode(chat, tokenizer, text).ids;
}

std::vector<int32_t> EncodePrompt(const ChatTemplate& chat, const Tokenizer& tokenizer,
                                  std::span<const Message> messages) {
  return EncodeRendered(chat, tokenizer, chat.Render(messages, true).text);
}

std::vector<int32_t> EndTokens(const ChatTemplate& chat, const Tokenizer& tokenizer) {
  std::vector<int32_t> ends;
  if (tokenizer.eos()) ends.push_back(*tokenizer.eos());
  const std::vector<Message> turn = {{"user", "question"}, {"assistant", "answer"}};
  const TaggedTokens sample = EncodeConversation(chat, tokenizer, turn);
  for (size_t i = 0; i < sample.ids.size(); ++i) {
    const bool stops = sample.roles[i] == TokenRole::kEnd && sample.special[i] != 0;
    if (stops && std::find(ends.begin(), ends.end(), sample.ids[i]) == ends.end()) {
      ends.push_back(sample.ids[i]);
    }
  }
  return ends;
}

}  // namespace meap
