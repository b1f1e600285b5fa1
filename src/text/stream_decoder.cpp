#include "core/error.h"
#include "text/tokenizer.h"
#include "text/tokenizer_impl.h"
#include "text/utf8.h"

namespace meap {

std::string StreamDecoder::Push(int32_t id) {
  const TokenizerBackend& backend = tokenizer_->impl_->backend();
  const std::optional<std::string> token = backend.IdToToken(id);
  if (!token || (skip_special_ && backend.IsSpecial(id))) return "";
  switch (backend.streaming()) {
    case TokenDecoder::Streaming::kBytes: {
      bytes_ += backend.TokenBytes(id);
      const size_t tail = IncompleteUtf8Tail(bytes_);
      std::string text =
          ReplaceInvalidUtf8(std::string_view(bytes_).substr(0, bytes_.size() - tail));
      bytes_.erase(0, bytes_.size() - tail);
      return text;
    }
    case TokenDecoder::Streaming::kRuns:
      pending_.push_back(id);
      // Whether a run of byte tokens is text shows at its end.
      return TokenDecoder::FallbackByte(*token) >= 0 ? "" : Release();
    case TokenDecoder::Streaming::kWhole:
      pending_.push_back(id);
  }
  return "";
}

std::string StreamDecoder::Release() {
  const std::span<const int32_t> ids(pending_);
  const std::string before =
      context_ == 0 ? "" : tokenizer_->Decode(ids.first(context_), skip_special_);
  std::string text = tokenizer_->Decode(ids, skip_special_);
  MEAP_CHECK(text.starts_with(before), "decoded text only grows");
  text.erase(0, before.size());
  // One token with text is context enough: what is special about the start of a text lies before.
  if (!text.empty()) pending_.erase(pending_.begin(), pending_.end() - 1);
  context_ = pending_.size();
  return text;
}

std::string StreamDecoder::Finish() {
  std::string text = pending_.size() > context_ ? Release() : "";
  text += ReplaceInvalidUtf8(bytes_);
  bytes_.clear();
  pending_.clear();
  context_ = 0;
  return text;
}

}  // namespace meap
