// Python's str(), repr() and json.dumps().
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/strings.h"
#include "jinja/characters.h"
#include "jinja/library.h"

namespace meap::jinja {
namespace {

std::string QuotedString(const std::string& text) {
  const bool single = text.find('\'') == std::string::npos || text.find('"') != std::string::npos;
  const char quote = single ? '\'' : '"';
  std::string out(1, quote);
  for (size_t at = 0; at < text.size(); at = NextCharacter(text, at)) {
    const uint32_t c = CodePoint(text, at);
    if (c == static_cast<uint32_t>(quote) || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c == '\n' || c == '\r' || c == '\t') {
      out += c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t";
    } else if (!IsPrintable(c)) {
      out += c < 0x100     ? fmt::format("\\x{:02x}", c)
             : c < 0x10000 ? fmt::format("\\u{:04x}", c)
                           : fmt::format("\\U{:08x}", c);
    } else {
      AppendUtf8(c, out);
    }
  }
  return out + quote;
}

std::string ReprSequence(const Sequence& sequence) {
  if (sequence.form == Sequence::Form::kView) FailUnsupported("output of a dict view");
  if (sequence.form == Sequence::Form::kRange) FailUnsupported("output of a range");
  const bool tuple = sequence.form == Sequence::Form::kTuple;
  std::string out = tuple ? "(" : "[";
  for (const Value& item : sequence.items) {
    out += (out.size() > 1 ? ", " : "") + Repr(item);
  }
  if (tuple && sequence.items.size() == 1) out += ',';
  return out + (tuple ? ')' : ']');
}

/// How json.dumps() was asked to write.
struct JsonStyle {
  bool ascii = false;
  std::string indent = {};  // of one level
  bool pretty = false;
  std::string item = ", ";
  std::string key = ": ";
  bool sorted = false;
};

void AppendJsonString(const std::string& text, bool ascii, std::string& out) {
  out += '"';
  for (size_t at = 0; at < text.size(); at = NextCharacter(text, at)) {
    const uint32_t c = CodePoint(text, at);
    constexpr std::string_view kEscaped = "\"\\\n\r\t\b\f";
    constexpr std::string_view kLetters = "\"\\nrtbf";
    const size_t known = c < 0x80 ? kEscaped.find(static_cast<char>(c)) : std::string_view::npos;
    if (known != std::string_view::npos) {
      out += '\\';
      out += kLetters[known];
    } else if (c < 0x20 || (ascii && c >= 0x7F && c < 0x10000)) {
      out += fmt::format("\\u{:04x}", c);
    } else if (ascii && c >= 0x10000) {
      out += fmt::format("\\u{:04x}\\u{:04x}", 0xD7C0 + (c >> 10), 0xDC00 + (c & 0x3FF));
    } else {
      AppendUtf8(c, out);
    }
  }
  out += '"';
}

void AppendJson(const Value& value, const JsonStyle& style, const std::string& line,
                std::string& out);

/// The members of a list or an object, each through `member`, between brackets.
template <typename Items, typename Member>
void AppendJsonList(const Items& items, std::string_view brackets, const JsonStyle& style,
                    const std::string& line, std::string& out, Member member) {
  out += brackets[0];
  const std::string inner = line + style.indent;
  bool first = true;
  for (const auto& item : items) {
    if (!first) out += style.item;
    first = false;
    if (style.pretty) out += inner;
    member(item, inner);
  }
  if (style.pretty && !first) out += line;
  out += brackets[1];
}

std::string JsonKey(const Value& key) {
  if (key.IsString()) return key.String();
  if (key.IsBool()) return key.Int() != 0 ? "true" : "false";
  if (key.IsNone()) return "null";
  if (key.IsNumber()) return Repr(key);
  Fail("keys must be str, int, float, bool or None, not " + key.TypeName());
}

void AppendJson(const Value& value, const JsonStyle& style, const std::string& line,
                std::string& out) {
  if (value.IsString()) {
    AppendJsonString(value.String(), style.ascii, out);
  } else if (value.IsNone()) {
    out += "null";
  } else if (value.IsBool()) {
    out += value.Int() != 0 ? "true" : "false";
  } else if (value.IsFloat() && !std::isfinite(value.Float())) {
    out += std::isnan(value.Float()) ? "NaN" : value.Float() > 0 ? "Infinity" : "-Infinity";
  } else if (value.IsNumber()) {
    out += Repr(value);
  } else if (value.IsDict()) {
    auto items = value.dict().items;
    if (style.sorted) {
      std::stable_sort(items.begin(), items.end(),
                       [](const auto& a, const auto& b) { return Less(a.first, b.first); });
    }
    AppendJsonList(items, "{}", style, line, out, [&](const auto& item, const std::string& inner) {
      AppendJsonString(JsonKey(item.first), style.ascii, out);
      out += style.key;
      AppendJson(item.second, style, inner, out);
    });
  } else if (value.IsSequence() && value.sequence().form <= Sequence::Form::kTuple) {
    AppendJsonList(
        value.sequence().items, "[]", style, line, out,
        [&](const Value& item, const std::string& inner) { AppendJson(item, style, inner, out); });
  } else {
    NeedDefined(value);
    Fail("a value of type '" + value.TypeName() + "' cannot be written as JSON");
  }
}

}  // namespace

std::string FormatFloat(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  std::string text = fmt::format("{}", value);
  // Both write the shortest digits; Python turns to exponents from 1e16 on, as fmt does.
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

std::string Repr(const Value& value) {
  if (value.IsString()) return QuotedString(value.String());
  if (value.IsUndefined()) return "Undefined";
  if (value.IsNone()) return "None";
  if (value.IsBool()) return value.Int() != 0 ? "True" : "False";
  if (value.IsInt()) return std::to_string(value.Int());
  if (value.IsFloat()) return FormatFloat(value.Float());
  if (value.IsSequence()) return ReprSequence(value.sequence());
  if (value.IsObject()) FailUnsupported("output of functions, macros and generators");
  std::string out = "{";
  for (const auto& [key, item] : value.dict().items) {
    out += (out.size() > 1 ? ", " : "") + Repr(key) + ": " + Repr(item);
  }
  return out + '}';
}

Text ToText(const Value& value) {
  if (value.IsString()) return value.text();
  if (value.IsUndefined()) return {};
  return {Repr(value)};
}

std::string ToJson(const Value& value, const Arguments& arguments) {
  arguments.Check("tojson", 4, {"ensure_ascii", "indent", "separators", "sort_keys"});
  JsonStyle style;
  if (const auto ascii = arguments.Get(0, "ensure_ascii")) style.ascii = ascii->Truth();
  if (const auto indent = arguments.Get(1, "indent"); indent && !indent->IsNone()) {
    style.pretty = true;
    style.item = ",";
    if (indent->IsInt()) {
      if (indent->Int() > 1000) Fail("an indent that is too wide");
      style.indent = std::string(static_cast<size_t>(std::max<int64_t>(0, indent->Int())), ' ');
    } else {
      style.indent = ToText(*indent).bytes;
    }
  }
  if (const auto separators = arguments.Get(2, "separators"); separators && !separators->IsNone()) {
    const std::vector<Value> pair = Iterate(*separators);
    if (pair.size() != 2) Fail("separators are a pair");
    style.item = ToText(pair[0]).bytes;
    style.key = ToText(pair[1]).bytes;
  }
  if (const auto sorted = arguments.Get(3, "sort_keys")) style.sorted = sorted->Truth();
  std::string out;
  AppendJson(value, style, "\n", out);
  return out;
}

}  // namespace meap::jinja
