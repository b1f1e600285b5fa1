#include "chat/sample.h"

#include <algorithm>

#include "core/error.h"

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

/// Token indices [begin, end) of one answer.
struct TokenSpan {
  size_t begin;
  size_t end;
};

TokenSpan TokensOf(const Encoded& encoded, const TextSpan& span) {
  const auto index = [&](size_t byte) {
    return static_cast<size_t>(
        std::lower_bound(encoded.starts.begin(), encoded.starts.end(), byte) -
        encoded.starts.begin());
  };
  return {index(span.begin), index(span.end)};
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
  if (between.find_first_not_of(" \t\r\n") != std::string_view::npos) return;
  Tag(token, end + 1, TokenRole::kEnd, sample);
}

}  // namespace

TaggedTokens EncodeConversation(const ChatTemplate& chat, const Tokenizer& tokenizer,
                                std::span<const Message> messages) {
  const RenderedChat rendered = chat.Render(messages, false);
  Encoded encoded = Encode(chat, tokenizer, rendered.text);
  TaggedTokens sample;
  sample.roles.assign(encoded.ids.size(), TokenRole::kPrompt);
  for (const int32_t id : encoded.ids) {
    sample.special.push_back(tokenizer.IsSpecial(id) || id == tokenizer.eos() ? 1 : 0);
  }
  for (size_t i = 0; i < rendered.answers.size(); ++i) {
    const TokenSpan answer = TokensOf(encoded, rendered.answers[i]);
    if (answer.begin == answer.end) {
      throw InputError({.what = "an answer is empty",
                        .where = "the assistant's message " + std::to_string(i + 1),
                        .expected = "an answer of at least one token"});
    }
    Tag(answer.begin, answer.end, TokenRole::kAnswer, sample);
    TagEnd(rendered.text, encoded, answer.end, rendered.answers[i].end, sample);
  }
  sample.ids = std::move(encoded.ids);
  return sample;
}

std::vector<int32_t> EncodePrompt(const ChatTemplate& chat, const Tokenizer& tokenizer,
                                  std::span<const Message> messages) {
  return Encode(chat, tokenizer, chat.Render(messages, true).text).ids;
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
