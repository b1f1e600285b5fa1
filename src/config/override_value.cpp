#include "config/override_value.h"

#include <algorithm>
#include <string_view>

namespace meap {
namespace {

constexpr std::string_view kMarks = "*&!%@`|>#";
constexpr std::string_view kBlanks = " \t";

bool IsMark(char c) { return kMarks.find(c) != std::string_view::npos; }

std::string Quoted(std::string_view text) {
  text = text.substr(0, text.find_last_not_of(kBlanks) + 1);
  std::string quoted = "'";
  for (const char c : text) quoted.append(c == '\'' ? 2 : 1, c);
  return quoted + "'";
}

/// The end of an item of a list or map that begins at `at`: brackets in it, a glob's, belong to it.
size_t ItemEnd(std::string_view text, size_t at) {
  int depth = 0;
  for (; at < text.size(); ++at) {
    if (text[at] == '[' || text[at] == '{') ++depth;
    const bool closes = text[at] == ']' || text[at] == '}';
    if (depth == 0 && (closes || text[at] == ',')) break;
    if (closes) --depth;
  }
  return at;
}

/// The end of the quoted text that begins at `at`.
size_t QuotesEnd(std::string_view text, size_t at) {
  const char quote = text[at++];
  while (at < text.size() && text[at] != quote) at += quote == '"' && text[at] == '\\' ? 2 : 1;
  return std::min(at + 1, text.size());
}

}  // namespace

std::string OverrideYaml(const std::string& value) {
  const std::string_view text = value;
  size_t at = text.find_first_not_of(kBlanks);
  if (at == std::string_view::npos) return value;
  if (IsMark(text[at])) return Quoted(text.substr(at));
  if (text[at] != '[' && text[at] != '{') return value;
  std::string yaml;
  bool item_begins = false;
  while (at < text.size()) {
    const char c = text[at];
    size_t end = at + 1;
    if (item_begins && IsMark(c)) {
      end = ItemEnd(text, at);
      yaml += Quoted(text.substr(at, end - at));
    } else {
      if (item_begins && (c == '"' || c == '\'')) end = QuotesEnd(text, at);
      yaml += text.substr(at, end - at);
    }
    const bool blank = kBlanks.find(c) != std::string_view::npos;
    const bool after_colon = at > 0 && text[at - 1] == ':';
    item_begins = c == '[' || c == '{' || c == ',' || (blank && (item_begins || after_colon));
    at = end;
  }
  return yaml;
}

}  // namespace meap
