#include "infer/text_encoder.h"

#include <algorithm>

#include "core/error.h"

namespace meap {

TextEncoder::TextEncoder(const Tokenizer& tokenizer, TextEncoderOptions options)
    : tokenizer_(&tokenizer), options_(options) {
  if (options_.add_bos == true && !tokenizer.bos().has_value()) {
    throw InputError({.what = "the tokenizer has no BOS token to add",
                      .where = "--bos add",
                      .hint = "name bos_token in tokenizer_config.json, or leave the option out"});
  }
  const auto first = tokenizer.bos() ? tokenizer.bos() : tokenizer.eos();
  if (options_.harness && first) {
    written_bos_ = tokenizer.Decode(std::vector<int32_t>{*first}, false);
  }
}

std::vector<int32_t> TextEncoder::Encode(std::string_view text) const {
  const bool written = !written_bos_.empty() && text.starts_with(written_bos_);
  if (written || options_.add_bos == false) return tokenizer_->Encode(text, false);
  if (options_.add_bos == true && !tokenizer_->AddsBos()) {
    std::vector<int32_t> ids = {*tokenizer_->bos()};
    tokenizer_->Encode(text, false, ids);
    return ids;
  }
  return tokenizer_->Encode(text, true);
}

int32_t TextEncoder::prefix() const {
  const auto first = tokenizer_->bos() ? tokenizer_->bos() : tokenizer_->eos();
  if (!first) {
    throw InputError({.what = "an empty context needs a BOS or EOS token to stand for it",
                      .where = "context",
                      .hint = "name bos_token in tokenizer_config.json"});
  }
  return *first;
}

ScoreRequest TextEncoder::EncodeRequest(const std::string& context,
                                        const std::string& continuation) const {
  ScoreRequest request;
  if (context.empty()) {
    request.context = {prefix()};
    request.continuation = tokenizer_->Encode(continuation, false);
  } else {
    request.context = Encode(context);
    const std::vector<int32_t> whole = Encode(context + continuation);
    const size_t before = std::min(request.context.size(), whole.size());
    const auto tail = whole.begin() + static_cast<std::ptrdiff_t>(before);
    if (!options_.harness) request.context.assign(whole.begin(), tail);
    request.continuation.assign(tail, whole.end());
  }
  // A continuation may merge with the context's end and have no token of its own. The harness
  // cannot score that, and an evaluation must not take it for certain.
  if (request.context.empty() || (options_.harness && request.continuation.empty())) {
    throw InputError({.what = "nothing to score",
                      .where = "continuation",
                      .expected = "a continuation that adds at least one token to the context",
                      .got = "\"" + continuation + "\""});
  }
  return request;
}

}  // namespace meap
