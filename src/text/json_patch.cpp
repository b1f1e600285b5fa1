// One change to a large JSON text without rewriting the rest: a tokenizer.json keeps its bytes.
#include "text/json_walker.h"
#include "text/tokenizer_config.h"

namespace meap {
namespace {

constexpr const char* kBlanks = " \t\r\n";

std::string Joined(std::string_view before, std::string_view middle, std::string_view after) {
  return std::string(before).append(middle).append(after);
}

}  // namespace

std::string AppendToTopLevelArray(std::string_view text, std::string_view key,
                                  std::string_view element) {
  const std::string array = "[" + std::string(element) + "]";
  JsonWalker walker(text);
  if (!walker.EnterKey(key)) {
    const size_t start = text.find('{') + 1;
    const bool empty_object = text[text.find_first_not_of(kBlanks, start)] == '}';
    return Joined(text.substr(0, start),
                  "\"" + std::string(key) + "\": " + array + (empty_object ? "" : ", "),
                  text.substr(start));
  }
  const bool is_array = walker.Peek() == '[';
  const size_t value = walker.position();
  walker.SkipValue();
  const size_t end = walker.position();
  // null becomes an array
  if (!is_array) return Joined(text.substr(0, value), array, text.substr(end));
  const size_t last = text.substr(0, end - 1).find_last_not_of(kBlanks);
  return Joined(text.substr(0, last + 1), (text[last] == '[' ? "" : ", ") + std::string(element),
                text.substr(last + 1));
}

std::string WithoutAppended(std::string_view text, std::string_view key, std::string_view element) {
  JsonWalker walker(text);
  if (!walker.EnterKey(key) || walker.Peek() != '[') return std::string(text);
  walker.SkipValue();
  const size_t end = text.substr(0, walker.position() - 1).find_last_not_of(kBlanks) + 1;
  std::string_view before = text.substr(0, end);
  if (!before.ends_with(element)) return std::string(text);
  before.remove_suffix(element.size());
  if (before.ends_with(", ")) before.remove_suffix(2);
  return Joined(before, "", text.substr(end));
}

}  // namespace meap
