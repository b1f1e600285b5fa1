// Walking through a large JSON text that keeps its bytes but for a few changes.
#pragma once

#include <algorithm>
#include <string_view>

#include "core/error.h"

namespace meap {

/// Walks a JSON text that is known to be well-formed.
class JsonWalker {
 public:
  explicit JsonWalker(std::string_view text) : text_(text) {}

  void SkipBlanks() { at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size()); }
  char Peek() {
    SkipBlanks();
    MEAP_CHECK(at_ < text_.size(), "the JSON text was parsed before");
    return text_[at_];
  }
  void Skip() { ++at_; }

  /// Passes over a string and returns it as it is written, without the quotes.
  std::string_view String() {
    const size_t begin = ++at_;
    while (text_[at_] != '"') at_ += text_[at_] == '\\' ? 2 : 1;
    return text_.substr(begin, at_++ - begin);
  }

  void SkipValue() {
    int depth = 0;
    do {
      const char c = Peek();
      if (c == '"') {
        String();
      } else {
        depth += (c == '{' || c == '[') ? 1 : (c == '}' || c == ']') ? -1 : 0;
        Skip();
      }
    } while (depth > 0);
    // A number or a word goes on to the next mark.
    at_ = std::min(text_.find_first_of(",]} \t\r\n", at_), text_.size());
  }
  size_t position() const { return at_; }

  /// From before an object to before the value of one of its keys; false where it is no object or
  /// has no such key.
  bool EnterKey(std::string_view key) {
    if (Peek() != '{') return false;
    Skip();
    while (Peek() != '}') {
      const bool found = String() == key;
      Peek();
      Skip();  // the colon
      if (found) return true;
      SkipValue();
      if (Peek() == ',') Skip();
    }
    return false;
  }

 private:
  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace meap
