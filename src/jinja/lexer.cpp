#include "jinja/lexer.h"

#include <algorithm>
#include <array>

#include "core/strings.h"
#include "jinja/characters.h"

namespace meap::jinja {
namespace {

using Kind = Token::Kind;

// Longest first.
constexpr std::array<std::string_view, 26> kOperators = {
    "//", "**", "==", "!=", "<=", ">=", "+", "-", "*", "/", "%", "~", "[",
    "]",  "(",  ")",  "{",  "}",  "<",  ">", "=", ".", ":", "|", ",", ";"};

bool IsDigitChar(char c) { return c >= '0' && c <= '9'; }
bool IsNameStart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<uint8_t>(c) >= 0x80;
}

/// Line breaks as '\n', and one at the end left out.
std::string Normalized(std::string_view source) {
  std::string text;
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r') {
      text += '\n';
      if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
    } else {
      text += source[i];
    }
  }
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : text_(Normalized(source)) {}

  std::vector<Token> Run() {
    while (at_ < text_.size()) {
      const size_t tag = FindTag(at_);
      AddText(tag);
      if (tag == std::string::npos) break;
      ReadTag(tag);
    }
    Add(Kind::kEnd);
    return std::move(tokens_);
  }

 private:
  size_t FindTag(size_t from) const {
    for (size_t at = from; (at = text_.find('{', at)) != std::string::npos; ++at) {
      const char next = at + 1 < text_.size() ? text_[at + 1] : '\0';
      if (next == '{' || next == '%' || next == '#') return at;
    }
    return std::string::npos;
  }

  /// Adds what stands before the tag at `tag` (npos: the rest), as its sign and lstrip_blocks leave
  /// it.
  void AddText(size_t tag) {
    const bool rest = tag == std::string::npos;
    std::string_view text = std::string_view(text_).substr(at_, rest ? tag : tag - at_);
    if (!rest) {
      const char sign = tag + 2 < text_.size() ? text_[tag + 2] : '\0';
      if (sign == '-') {
        text.remove_suffix(TrailingSpace(text));
      } else if (sign != '+' && text_[tag + 1] != '{') {
        const size_t line = text.rfind('\n') + 1;  // 0 for none
        const std::string_view before = text.substr(line);
        const bool blank = LeadingSpace(before) == before.size();
        if ((line > 0 || line_starting_) && blank) text = text.substr(0, line);
      }
    }
    if (!text.empty()) Add(Kind::kText, std::string(text));
    MoveTo(rest ? text_.size() : tag);
  }

  void ReadTag(size_t tag) {
    const char type = text_[tag + 1];
    MoveTo(tag + 2);
    if (at_ < text_.size() && (text_[at_] == '-' || text_[at_] == '+') && SignCounts(type)) {
      MoveTo(at_ + 1);
    }
    if (type == '#') {
      ReadComment();
    } else if (type == '%' && Raw()) {
      ReadRaw();
    } else {
      ReadExpression(type == '%');
    }
  }

  /// {{+ 1 }} is a plus sign, {%+ and {#+ are not.
  bool SignCounts(char type) const { return text_[at_] == '-' || type != '{'; }

  void ReadComment() {
    const size_t end = text_.find("#}", at_);
    if (end == std::string::npos) FailHere("a comment without '#}'");
    const char sign = end > at_ ? text_[end - 1] : '\0';
    CloseTag(end + 2, sign);
  }

  /// After a tag's closing bracket: `-` takes all white space, nothing one line break, `+` nothing.
  void CloseTag(size_t after, char sign) {
    size_t next = after;
    if (sign == '-') {
      next += LeadingSpace(std::string_view(text_).substr(after));
    } else if (sign != '+' && next < text_.size() && text_[next] == '\n') {
      ++next;
    }
    MoveTo(next);
    line_starting_ = text_[next - 1] == '\n';
  }

  /// True at the inside of {% raw %}, which it steps over.
  bool Raw() {
    const std::string_view rest = std::string_view(text_).substr(at_);
    size_t size = LeadingSpace(rest);
    if (!rest.substr(size).starts_with("raw")) return false;
    size += 3;
    size += LeadingSpace(rest.substr(size));
    if (rest.substr(size).starts_with("-%}")) {
      size += 3;
      size += LeadingSpace(rest.substr(size));
    } else if (rest.substr(size).starts_with("%}")) {
      size += 2;
    } else {
      return false;
    }
    MoveTo(at_ + size);
    return true;
  }

  void ReadRaw() {
    line_starting_ = text_[at_ - 1] == '\n';
    for (size_t tag = at_; (tag = text_.find("{%", tag)) != std::string::npos; ++tag) {
      size_t at = tag + 2;
      if (at < text_.size() && (text_[at] == '-' || text_[at] == '+')) ++at;
      at += LeadingSpace(std::string_view(text_).substr(at));
      if (!std::string_view(text_).substr(at).starts_with("endraw")) continue;
      at += 6;
      at += LeadingSpace(std::string_view(text_).substr(at));
      const char sign = at < text_.size() ? text_[at] : '\0';
      if (sign == '-' || sign == '+') ++at;
      if (!std::string_view(text_).substr(at).starts_with("%}")) continue;
      AddText(tag);
      CloseTag(at + 2, sign);
      return;
    }
    FailHere("{% raw %} without {% endraw %}");
  }

  void ReadExpression(bool statement) {
    Add(statement ? Kind::kStatementBegin : Kind::kOutputBegin);
    const std::string_view close = statement ? "%}" : "}}";
    std::string brackets;
    while (true) {
      MoveTo(at_ + LeadingSpace(std::string_view(text_).substr(at_)));
      const std::string_view rest = std::string_view(text_).substr(at_);
      if (rest.empty()) FailHere("a tag without '" + std::string(close) + "'");
      if (brackets.empty()) {
        const bool sign = rest[0] == '-' || (statement && rest[0] == '+');
        if (rest.substr(sign ? 1 : 0).starts_with(close)) {
          Add(statement ? Kind::kStatementEnd : Kind::kOutputEnd);
          const char mark = sign ? rest[0] : statement ? '\0' : '+';
          CloseTag(at_ + (sign ? 3 : 2), mark);
          return;
        }
      }
      ReadToken(rest, brackets);
    }
  }

  void ReadToken(std::string_view rest, std::string& brackets) {
    if (rest[0] == '\'' || rest[0] == '"') {
      ReadString(rest);
    } else if (IsDigitChar(rest[0])) {
      ReadNumber(rest);
    } else if (IsNameStart(rest[0])) {
      size_t size = 1;
      while (size < rest.size() && (IsNameStart(rest[size]) || IsDigitChar(rest[size]))) ++size;
      Add(Kind::kName, std::string(rest.substr(0, size)));
      MoveTo(at_ + size);
    } else {
      ReadOperator(rest, brackets);
    }
  }

  void ReadOperator(std::string_view rest, std::string& brackets) {
    const auto found = std::find_if(kOperators.begin(), kOperators.end(),
                                    [&](std::string_view name) { return rest.starts_with(name); });
    if (found == kOperators.end()) {
      FailHere("unexpected character '" + std::string(rest.substr(0, NextCharacter(rest, 0))) +
               "'");
    }
    const char c = (*found)[0];
    if (c == '(' || c == '[' || c == '{') brackets += c == '(' ? ')' : c == '[' ? ']' : '}';
    if (c == ')' || c == ']' || c == '}') {
      if (brackets.empty() || brackets.back() != c) FailHere(std::string("unexpected '") + c + "'");
      brackets.pop_back();
    }
    Add(Kind::kOperator, std::string(*found));
    MoveTo(at_ + found->size());
  }

  void ReadNumber(std::string_view rest) {
    const auto digits = [&](size_t from) {
      while (from < rest.size() &&
             (IsDigitChar(rest[from]) ||
              (rest[from] == '_' && from + 1 < rest.size() && IsDigitChar(rest[from + 1])))) {
        ++from;
      }
      return from;
    };
    const auto digit_at = [&](size_t at) { return at < rest.size() && IsDigitChar(rest[at]); };
    size_t size = digits(0);
    bool is_float = false;
    const bool after_dot = at_ > 0 && text_[at_ - 1] == '.';  // a.0.5 is no float
    if (!after_dot && size < rest.size() && rest[size] == '.' && digit_at(size + 1)) {
      size = digits(size + 1);
      is_float = true;
    }
    if (!after_dot && size < rest.size() && (rest[size] == 'e' || rest[size] == 'E')) {
      const size_t sign =
          size + 1 < rest.size() && (rest[size + 1] == '+' || rest[size + 1] == '-');
      if (digit_at(size + 1 + sign)) {
        size = digits(size + 1 + sign);
        is_float = true;
      }
    }
    if (size < rest.size() && IsNameStart(rest[size])) FailHere("a number that runs into a name");
    std::string number(rest.substr(0, size));
    std::erase(number, '_');
    Add(is_float ? Kind::kFloat : Kind::kInt, number);
    MoveTo(at_ + size);
  }

  void ReadString(std::string_view rest) {
    const char quote = rest[0];
    std::string value;
    size_t i = 1;
    for (; i < rest.size() && rest[i] != quote; ++i) {
      if (rest[i] == '\\' && i + 1 < rest.size()) {
        i = ReadEscape(rest, i + 1, value);
      } else {
        value += rest[i];
      }
    }
    if (i == rest.size()) FailHere("a string without its closing quote");
    Add(Kind::kString, std::move(value));
    MoveTo(at_ + i + 1);
  }

  /// Appends what the escape at rest[i], behind the backslash, stands for; returns its last byte.
  size_t ReadEscape(std::string_view rest, size_t i, std::string& value) {
    constexpr std::string_view kNames = "abfnrtv\\'\"";
    constexpr std::string_view kValues = "\a\b\f\n\r\t\v\\'\"";
    const char c = rest[i];
    if (const size_t name = kNames.find(c); name != std::string_view::npos) {
      value += kValues[name];
      return i;
    }
    if (c == '\n') return i;  // the line goes on
    if (c >= '0' && c <= '7') {
      uint32_t code = 0;
      size_t end = i;
      while (end < rest.size() && end < i + 3 && rest[end] >= '0' && rest[end] <= '7') {
        code = code * 8 + static_cast<uint32_t>(rest[end++] - '0');
      }
      AppendUtf8(code, value);
      return end - 1;
    }
    const size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    if (digits == 0) {
      if (c == 'N') FailHere("meap's subset of Jinja has no \\N{...} in strings");
      value += '\\';
      value += c;
      return i;
    }
    uint32_t code = 0;
    for (size_t k = 1; k <= digits; ++k) {
      const char digit = i + k < rest.size() ? rest[i + k] : '\0';
      const size_t number =
          std::string_view("0123456789abcdef")
              .find(digit >= 'A' && digit <= 'F' ? static_cast<char>(digit | 0x20) : digit);
      if (number == std::string_view::npos || digit == '\0')
        FailHere("a broken escape in a string");
      code = code * 16 + static_cast<uint32_t>(number);
    }
    if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) {
      FailHere("an escape that is no character");
    }
    AppendUtf8(code, value);
    return i + digits;
  }

  void Add(Kind kind, std::string text = {}) { tokens_.push_back({kind, std::move(text), line_}); }
  void MoveTo(size_t at) {
    line_ += static_cast<int>(std::count(text_.begin() + static_cast<int64_t>(at_),
                                         text_.begin() + static_cast<int64_t>(at), '\n'));
    at_ = at;
  }
  [[noreturn]] void FailHere(const std::string& message) const { throw LineError(line_, message); }

  std::string text_;
  std::vector<Token> tokens_;
  size_t at_ = 0;
  int line_ = 1;
  bool line_starting_ = true;  // the tag before ended in a line break, or there is none
};

}  // namespace

std::vector<Token> Tokenize(std::string_view source) { return Lexer(source).Run(); }

}  // namespace meap::jinja
