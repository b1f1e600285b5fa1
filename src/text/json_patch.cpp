// One change to a large JSON text without rewriting the rest: a tokenizer.json keeps its bytes.
#include "core/error.h"
#include "text/tokenizer_config.h"

namespace meap {
namespace {

/// Walks a JSON text that is known to be well-formed.
class Walker {
 public:
  explicit Walker(std::string_view text) : text_(text) {}

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

 private:
  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

std::string AppendToTopLevelArray(std::string_view text, std::string_view key,
                                  std::string_view element) {
  Walker walker(text);
  MEAP_CHECK(walker.Peek() == '{', "the top level of the JSON text is an object");
  walker.Skip();
  const size_t start = walker.position();
  const bool empty_object = walker.Peek() == '}';
  while (walker.Peek() != '}') {
    const bool found = walker.String() == key;
    walker.Peek();
    walker.Skip();  // the colon
    const bool is_array = walker.Peek() == '[';
    const size_t value = walker.position();
    walker.SkipValue();
    const size_t end = walker.position();
    if (found && !is_array) {  // null: becomes an array
      return std::string(text.substr(0, value)) + "[" + std::string(element) + "]" +
             std::string(text.substr(end));
    }
    if (found) {
      const std::string_view before = text.substr(0, end - 1);
      const size_t last = before.find_last_not_of(" \t\r\n");
      const bool empty_array = before[last] == '[';
      return std::string(before.substr(0, last + 1)) + (empty_array ? "" : ", ") +
             std::string(element) + std::string(text.substr(last + 1));
    }
    if (walker.Peek() == ',') walker.Skip();
    walker.SkipBlanks();
  }
  return std::string(text.substr(0, start)) + "\"" + std::string(key) + "\": [" +
         std::string(element) + "]" + (empty_object ? "" : ", ") + std::string(text.substr(start));
}

}  // namespace meap
