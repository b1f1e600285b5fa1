// A template's text as tokens, white space control done.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "jinja/value.h"

namespace meap::jinja {

struct Token {
  enum class Kind {
    kText,            // what is written as it stands
    kOutputBegin,     // {{
    kOutputEnd,       // }}
    kStatementBegin,  // {%
    kStatementEnd,    // %}
    kName,
    kString,
    kInt,
    kFloat,
    kOperator,
    kEnd,  // of the template
  };
  Kind kind;
  std::string text = {};  // of a string literal, its value
  int line = 0;           // from 1
};

/// A failure at a line.
class LineError : public TemplateError {
 public:
  LineError(int line, const std::string& message) : TemplateError(message), line_(line) {}
  int line() const { return line_; }

 private:
  int line_;
};

/// Cuts a template as jinja2 does with trim_blocks and lstrip_blocks, transformers' settings: a
/// line break after a statement or comment goes, and so do blanks before one that begins a line.
std::vector<Token> Tokenize(std::string_view source);

}  // namespace meap::jinja
