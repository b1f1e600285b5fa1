#include "evaltext/template.h"

#include "core/error.h"

namespace meap {
namespace {

/// Calls plain(char) and field(name) for the parts of a template in order.
template <class Plain, class Field>
void WalkTemplate(std::string_view text, Plain&& plain, Field&& field) {
  for (size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if ((c == '{' || c == '}') && at + 1 < text.size() && text[at + 1] == c) {
      plain(c);
      ++at;
    } else if (c == '{' || c == '}') {
      const size_t end = c == '{' ? text.find('}', at) : std::string_view::npos;
      if (end == std::string_view::npos) {
        throw InputError({.what = "a template has a brace without its other half",
                          .where = std::string(text),
                          .expected = "fields as {name}, braces as {{ and }}"});
      }
      field(text.substr(at + 1, end - at - 1));
      at = end;
    } else {
      plain(c);
    }
  }
}

}  // namespace

std::string FillTemplate(std::string_view text, const DataItem& item) {
  std::string filled;
  WalkTemplate(
      text, [&](char c) { filled += c; },
      [&](std::string_view field) { filled += item.Text(field); });
  return filled;
}

std::vector<std::string> TemplateFields(std::string_view text) {
  std::vector<std::string> fields;
  WalkTemplate(
      text, [](char) {}, [&](std::string_view field) { fields.emplace_back(field); });
  return fields;
}

}  // namespace meap
