// Oniguruma (Ruby syntax, UTF-8) to PCRE2. Only what is known to mean the same passes; the rest is
// refused, because a pattern that is read otherwise changes ids without a word.
#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <utility>
#include <vector>

#include "core/error.h"
#include "text/regex.h"
#include "text/unicode.h"
#include "text/utf8.h"

namespace meap {
namespace {

class Translator {
 public:
  Translator(std::string_view pattern, const std::string& where) : in_(pattern), where_(where) {}

  std::string Run() {
    while (at_ < in_.size()) Element();
    if (ignores_case_.size() != 1) Refuse("a group that is not closed");
    return std::move(out_);
  }

 private:
  [[noreturn]] void Refuse(const std::string& what) const {
    throw InputError(
        {.what = "a tokenizer's regular expression uses " + what,
         .where = where_ + ", at byte " + std::to_string(at_) + " of the pattern",
         .expected = "literals, classes, groups, look-around, anchors, quantifiers, \\p{...}",
         .got = std::string(in_)});
  }

  char Peek(size_t ahead = 0) const { return at_ + ahead < in_.size() ? in_[at_ + ahead] : '\0'; }
  bool Take(std::string_view text) {
    if (!in_.substr(at_).starts_with(text)) return false;
    at_ += text.size();
    return true;
  }

  void Element() {
    last_letter_ = std::exchange(this_letter_, '\0');
    switch (Peek()) {
      case '(':
        Open();
        return;
      case ')':
        if (ignores_case_.size() == 1) Refuse("a closing bracket without an opening one");
        ignores_case_.pop_back();
        ++at_;
        out_ += ')';
        Quantifier();
        return;
      case '|':
        ++at_;
        out_ += '|';
        return;
      case '[':
        ++at_;
        out_ += ClassText(Class());
        Quantifier();
        return;
      case '.':  // everything but the line feed, in both syntaxes
        ++at_;
        out_ += "[^\\n]";
        Quantifier();
        return;
      case '\\':
        Escape();
        Quantifier();
        return;
      case '*':
      case '+':
      case '?':
        Refuse("a quantifier with nothing before it");
      case '^':  // of each line, but not after a line feed that ends the text
        Anchor("(?:\\A|(?<=\\n)(?!\\z))");
        return;
      case '$':  // of each line
        Anchor("(?=\\n|\\z)");
        return;
      default:
        Literal(TakeCodePoint());
        Quantifier();
    }
  }

  void Open() {
    static constexpr std::array<std::string_view, 7> kGroups = {"(?:",  "(?i:", "(?=", "(?!",
                                                                "(?<=", "(?<!", "(?>"};
    if (at_ == 0 && Take("(?i)")) {
      ignores_case_.back() = true;
      out_ += "(?i)";
      return;
    }
    ignores_case_.push_back(ignores_case_.back());
    for (const std::string_view group : kGroups) {
      if (!Take(group)) continue;
      if (group == "(?i:") ignores_case_.back() = true;
      out_ += group;
      return;
    }
    if (Peek(1) == '?') Refuse("a group of a kind that meap does not know");
    ++at_;
    out_ += "(?:";  // what a group captured is never asked for
  }

  void Anchor(std::string_view meaning) {
    ++at_;
    out_ += meaning;
    if (std::string_view("*+?{").find(Peek()) != std::string_view::npos) {
      Refuse("a quantifier after an anchor");
    }
  }

  void Quantifier() {
    std::string count;
    if (Take("{")) {
      const size_t close = in_.find('}', at_);
      const std::string_view body =
          close == std::string_view::npos ? "" : in_.substr(at_, close - at_);
      if (body.empty() || body.find_first_not_of("0123456789,") != std::string_view::npos ||
          body == "," || body.front() == ',') {
        Refuse("a curly bracket that is no {n}, {n,} or {n,m}");
      }
      at_ = close + 1;
      count.append("{").append(body).append("}");
      if (Take("?")) Refuse("a lazy {n,m}");
      // {n,m}+ is possessive in PCRE2, but "one or more times {n,m}" in Ruby's syntax.
      if (Peek() == '+' || Peek() == '*' || Peek() == '{') Refuse("a quantified {n,m}");
    } else if (Peek() == '*' || Peek() == '+' || Peek() == '?') {
      count = in_[at_++];
      if (Peek() == '?' || Peek() == '+') count += in_[at_++];
      if (Peek() == '*' || Peek() == '+' || Peek() == '?' || Peek() == '{') {
        Refuse("a quantifier after a quantifier");
      }
    }
    if (!count.empty()) this_letter_ = '\0';
    out_ += count;
  }

  uint32_t TakeCodePoint() {
    const uint32_t c = CodePointAt(in_.data() + at_);
    at_ += Utf8Length(in_[at_]);
    return c;
  }

  void Literal(uint32_t c) {
    out_ += Hex(c);
    // Without regard to case Oniguruma lets "ss" match U+00DF, "fi" U+FB01 and so on.
    this_letter_ = c < 0x80 ? static_cast<char>(c | 0x20) : '\x7F';
    if (!ignores_case_.back()) return;
    if (c >= 0x80) Refuse("a letter outside of ASCII after (?i");
    static constexpr std::array<std::string_view, 5> kFolded = {"ss", "st", "ff", "fi", "fl"};
    for (const std::string_view pair : kFolded) {
      if (pair[0] == last_letter_ && pair[1] == this_letter_) {
        Refuse("letters after (?i that some single character folds to");
      }
    }
  }

  static std::string Hex(uint32_t c) {
    std::array<char, 16> text{};
    std::snprintf(text.data(), text.size(), "\\x{%X}", c);
    return text.data();
  }

  /// One escape outside of a class.
  void Escape() {
    bool negated = false;
    unicode::Ranges ranges;
    uint32_t c = 0;
    if (EscapedClass(ranges, negated)) {
      out_ += ClassText(negated ? unicode::Complement(ranges) : ranges);
    } else if (EscapedCharacter(c)) {
      Literal(c);
    } else if (Take("\\A") || Take("\\z")) {
      out_ += in_.substr(at_ - 2, 2);
    } else {
      Refuse("an escape that meap does not know");
    }
  }

  bool EscapedClass(unicode::Ranges& ranges, bool& negated) {
    const char kind = Peek(1);
    switch (kind) {
      case 's':
      case 'S':
        ranges = unicode::PropertyRanges("space");
        break;
      case 'w':
      case 'W':
        ranges = unicode::PropertyRanges("word");
        break;
      case 'd':
      case 'D':
        ranges = unicode::PropertyRanges("digit");
        break;
      case 'p':
      case 'P':
        return Property(ranges, negated);
      default:
        return false;
    }
    negated = kind < 'a';
    at_ += 2;
    return true;
  }

  bool Property(unicode::Ranges& ranges, bool& negated) {
    const size_t close = in_.find('}', at_);
    if (Peek(2) != '{' || close == std::string_view::npos) Refuse("\\p without {...}");
    std::string_view name = in_.substr(at_ + 3, close - at_ - 3);
    negated = Peek(1) == 'P';
    if (name.starts_with('^')) {
      negated = !negated;
      name.remove_prefix(1);
    }
    ranges = unicode::PropertyRanges(name == "Letter" ? "L" : name == "Number" ? "N" : name);
    if (ranges.empty() || name == "space" || name == "word" || name == "digit") {
      Refuse("a property other than the general categories and Han");
    }
    at_ = close + 1;
    return true;
  }

  /// An escape that stands for one character, in and outside of classes.
  bool EscapedCharacter(uint32_t& c) {
    static constexpr std::string_view kNames = "rntvfae";
    static constexpr std::string_view kValues = "\r\n\t\v\f\a\x1B";
    const char kind = Peek(1);
    const size_t known = kind == '\0' ? std::string_view::npos : kNames.find(kind);
    if (known != std::string_view::npos) {
      c = static_cast<uint8_t>(kValues[known]);
      at_ += 2;
      return true;
    }
    if (kind == 'u') return HexDigits(4, 4, c);
    if (kind == 'x' && Peek(2) != '{') return HexDigits(2, 2, c) && c < 0x80;
    const bool word = (kind >= 'a' && kind <= 'z') || (kind >= 'A' && kind <= 'Z') ||
                      (kind >= '0' && kind <= '9') || kind == '\0';
    if (word || static_cast<uint8_t>(kind) >= 0x80) return false;
    c = static_cast<uint8_t>(kind);
    at_ += 2;
    return true;
  }

  bool HexDigits(size_t least, size_t most, uint32_t& c) {
    const std::string_view digits = in_.substr(std::min(at_ + 2, in_.size()), most);
    const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), c, 16);
    const auto count = static_cast<size_t>(result.ptr - digits.data());
    if (count < least || (c >= 0xD800 && c < 0xE000)) return false;
    at_ += 2 + count;
    return true;
  }

  /// The inside of [...], without the opening bracket.
  unicode::Ranges Class() {
    const bool negated = Take("^");
    unicode::Ranges members;
    if (Peek() == ']') Refuse("an empty class");
    while (Peek() != ']') {
      if (Take("&&")) Refuse("an intersection of classes");
      if (unicode::Ranges ranges; InnerClass(ranges)) {
        members.insert(members.end(), ranges.begin(), ranges.end());
        if (Peek() == '-' && Peek(1) != ']') Refuse("a range that begins with a class");
        continue;
      }
      const uint32_t first = ClassCharacter();
      uint32_t last = first;
      if (Peek() == '-' && Peek(1) != ']') {
        ++at_;
        last = ClassCharacter();
        if (last < first) Refuse("a range that runs backwards");
      }
      members.emplace_back(first, last);
    }
    ++at_;
    members = Merged(std::move(members));
    if (ignores_case_.back() && (negated || members.empty() || members.back().second >= 0x80)) {
      Refuse("a class of more than ASCII, or a negated one, after (?i");
    }
    return negated ? unicode::Complement(members) : members;
  }

  /// A class inside a class, which takes its members in: \s, or [...] in brackets of its own.
  bool InnerClass(unicode::Ranges& ranges) {
    bool negated = false;
    if (Peek() == '\\' && EscapedClass(ranges, negated)) {
      if (negated) ranges = unicode::Complement(ranges);
      return true;
    }
    if (Peek() != '[') return false;
    if (Peek(1) == ':') Refuse("a POSIX bracket ([:...:])");
    if (++class_depth_ > kMostClassDepth) {
      Refuse("classes that are more than " + std::to_string(kMostClassDepth) +
             " deep in each other");
    }
    ++at_;
    ranges = Class();
    --class_depth_;
    return true;
  }

  static unicode::Ranges Merged(unicode::Ranges ranges) {
    std::sort(ranges.begin(), ranges.end());
    unicode::Ranges merged;
    for (const auto& [first, last] : ranges) {
      if (!merged.empty() && first <= merged.back().second + 1) {
        merged.back().second = std::max(merged.back().second, last);
      } else {
        merged.emplace_back(first, last);
      }
    }
    return merged;
  }

  uint32_t ClassCharacter() {
    uint32_t c = 0;
    if (at_ >= in_.size()) Refuse("a class that is not closed");
    if (Peek() == '[') Refuse("a range that ends with a class");
    if (Peek() != '\\') return TakeCodePoint();
    if (!EscapedCharacter(c)) Refuse("an escape in a class that meap does not know");
    return c;
  }

  static std::string ClassText(const unicode::Ranges& ranges) {
    if (ranges.empty()) return "(?!)";
    std::string text = "[";
    for (const auto& [first, last] : ranges) {
      text += Hex(first);
      if (last > first) text.append("-").append(Hex(last));
    }
    text += ']';
    return text;
  }

  static constexpr int kMostClassDepth = 32;  // each takes a frame of the stack

  std::string_view in_;
  const std::string& where_;
  std::string out_;
  size_t at_ = 0;
  int class_depth_ = 0;
  char last_letter_ = '\0';  // of two neighbours, for the folding of pairs
  char this_letter_ = '\0';
  std::vector<bool> ignores_case_ = {false};  // one for each open group
};

}  // namespace

std::string TranslateRegex(std::string_view pattern, const std::string& where) {
  return Translator(pattern, where).Run();
}

}  // namespace meap
