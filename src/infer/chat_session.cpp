#include "infer/chat_session.h"

#include <algorithm>

#include "chat/sample.h"
#include "core/error.h"
#include "core/strings.h"
#include "infer/text_stream.h"

namespace meap {
namespace {

/// An answer gets at least this share of the context, if it may be that long.
constexpr int64_t kAnswerShare = 4;

}  // namespace

ChatSession::ChatSession(const LoadedModel& model, ChatTemplate chat)
    : model_(model),
      chat_(std::move(chat)),
      generator_(model.model),
      end_tokens_(EndTokens(chat_, model.tokenizer)) {}

void ChatSession::SetSystem(const std::string& text) {
  messages_.clear();
  if (!text.empty()) messages_.push_back({"system", text});
}

void ChatSession::Reset() {
  const bool system = !messages_.empty() && messages_[0].role == "system";
  messages_.resize(system ? 1 : 0);
}

void ChatSession::Say(const std::string& text) {
  if (!IsValidUtf8(text)) {
    throw InputError({.what = "the message is not valid UTF-8", .expected = "UTF-8"});
  }
  messages_.push_back({"user", text});
}

std::vector<int32_t> ChatSession::FitPrompt(int64_t max_new_tokens, int64_t& dropped) {
  const int64_t context = model_.model.config().max_position_embeddings;
  const int64_t room = std::min(max_new_tokens, context / kAnswerShare);
  const size_t system = messages_[0].role == "system" ? 1 : 0;
  while (true) {
    std::vector<int32_t> prompt = EncodePrompt(chat_, model_.tokenizer, messages_);
    const auto tokens = static_cast<int64_t>(prompt.size());
    if (tokens + room <= context) return prompt;
    if (messages_.size() >= system + 3) {  // a question, its answer, and a later question
      const auto oldest = messages_.begin() + static_cast<int64_t>(system);
      messages_.erase(oldest, oldest + 2);
      dropped += 2;
    } else if (tokens < context) {
      return prompt;
    } else {
      throw InputError(
          {.what = "the message is longer than the model's context",
           .expected = "fewer than " + std::to_string(context) + " tokens with the template",
           .got = std::to_string(tokens) + " tokens"});
    }
  }
}

ChatReply ChatSession::Answer(const SamplingOptions& sampling, const OnText& on_text) {
  MEAP_CHECK(!messages_.empty() && messages_.back().role == "user", "nothing to answer");
  try {
    return AnswerLast(sampling, on_text);
  } catch (...) {
    messages_.pop_back();  // it would stand in every later prompt
    throw;
  }
}

ChatReply ChatSession::AnswerLast(const SamplingOptions& sampling, const OnText& on_text) {
  ChatReply reply;
  const TokenRequest request{FitPrompt(sampling.max_new_tokens, reply.dropped_messages), sampling};
  TextStream stream(model_.tokenizer, {});
  bool ended = false;
  const auto write = [&](const std::string& piece) {
    reply.text += piece;
    return piece.empty() || on_text(piece);
  };
  const std::vector<TokenResult> results = generator_.Run({request}, [&](size_t, int32_t token) {
    ended = std::find(end_tokens_.begin(), end_tokens_.end(), token) != end_tokens_.end();
    return !ended && write(stream.Push(token));
  });
  reply.finish = ended ? Finish::kEndToken : results[0].finish;
  if (reply.finish != Finish::kCallback) write(stream.Finish());
  messages_.push_back({"assistant", reply.text});
  return reply;
}

}  // namespace meap
