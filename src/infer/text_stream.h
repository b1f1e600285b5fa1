// An answer's text as its tokens arrive, up to a stop string.
#pragma once

#include <string>
#include <vector>

#include "text/tokenizer.h"

namespace meap {

/// Decodes tokens that arrive one by one. What it releases is well-formed UTF-8, never ends within
/// a stop string, and never holds one.
class TextStream {
 public:
  /// `stop`: texts that end the answer and are no part of it; the earliest one in the text counts.
  /// Empty ones count for nothing. The tokenizer must outlive it.
  TextStream(const Tokenizer& tokenizer, std::vector<std::string> stop);

  /// Takes a token; returns the text that is certain now, possibly "".
  std::string Push(int32_t token);
  /// Returns what is left at the end.
  std::string Finish();
  /// Whether a stop string has come: then there is no more text.
  bool stopped() const { return stopped_; }

 private:
  std::string Release(bool end);

  StreamDecoder decoder_;
  std::vector<std::string> stop_;
  std::string held_;  // decoded, not released
  bool stopped_ = false;
};

}  // namespace meap
