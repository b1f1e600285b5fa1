// Texts to the tokens a model is fed: who adds the BOS token, and what stands in for an empty text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "infer/score_plan.h"
#include "text/tokenizer.h"

namespace meap {

struct TextEncoderOptions {
  /// Whether BOS stands first; nothing: as the tokenizer has it.
  std::optional<bool> add_bos = {};
  /// As lm-evaluation-harness has it: a text that begins with the written form of BOS gets no
  /// second one, and a request's context is fed as it is encoded alone.
  bool harness = false;
};

/// Keeps a pointer to the tokenizer, which must outlive it.
class TextEncoder {
 public:
  explicit TextEncoder(const Tokenizer& tokenizer, TextEncoderOptions options = {});

  /// The tokens of a text, with the tokenizer's special tokens or as the options say.
  std::vector<int32_t> Encode(std::string_view text) const;

  /// The tokens of a request: `context + continuation` and `context` are encoded, and the
  /// continuation is the tail of the first after as many tokens as the second has. What is fed
  /// before it are the tokens of the first, with the harness's rules those of the second. An empty
  /// context becomes prefix(). The tail may be empty: a continuation that merges with the end of
  /// the context has no token of its own. With the harness's rules that is an InputError, as is a
  /// context without tokens.
  ScoreRequest EncodeRequest(const std::string& context, const std::string& continuation) const;

  /// The token that stands before the first one when nothing else does: BOS, or EOS without one.
  /// InputError when the tokenizer has neither.
  int32_t prefix() const;
  bool adds_bos() const { return options_.add_bos.value_or(tokenizer_->AddsBos()); }

 private:
  const Tokenizer* tokenizer_;
  TextEncoderOptions options_;
  std::string written_bos_;  // "" when it does not count
};

}  // namespace meap
