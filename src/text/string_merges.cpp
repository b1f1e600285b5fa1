// Merges of a tokenizer.json in the form that tokenizers of every version read.
#include "text/json_walker.h"
#include "text/tokenizer_config.h"

namespace meap {
namespace {

/// As it is written in JSON: tokens with a space in them cannot stand in "a b", and merges that
/// begin so are passed over as a comment.
bool FitsAString(std::string_view left, std::string_view right) {
  for (const std::string_view token : {left, right}) {
    if (token.find(' ') != std::string_view::npos) return false;
    if (token.find("\\u0020") != std::string_view::npos) return false;
  }
  return !left.starts_with("#version");
}

}  // namespace

std::string WithStringMerges(std::string_view text) {
  JsonWalker walker(text);
  const bool found = walker.EnterKey("model") && walker.EnterKey("merges");
  if (!found || walker.Peek() != '[') return std::string(text);
  walker.Skip();
  std::string changed;
  changed.reserve(text.size());
  size_t copied = 0;
  while (walker.Peek() != ']') {
    if (walker.Peek() == '[') {
      changed.append(text.substr(copied, walker.position() - copied));
      walker.Skip();
      walker.SkipBlanks();
      const std::string_view left = walker.String();
      walker.Peek();
      walker.Skip();  // the comma
      walker.SkipBlanks();
      const std::string_view right = walker.String();
      if (!FitsAString(left, right)) return std::string(text);
      changed.append("\"").append(left).append(" ").append(right).append("\"");
      walker.Peek();
      walker.Skip();  // the bracket
      copied = walker.position();
    } else {
      walker.SkipValue();
    }
    if (walker.Peek() == ',') walker.Skip();
  }
  return changed.append(text.substr(copied));
}

}  // namespace meap
