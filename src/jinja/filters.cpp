// Filters; those that go over sequences stand in filter_sequences.cpp.
#include "jinja/filters.h"

#include <charconv>
#include <cmath>

#include "jinja/characters.h"
#include "jinja/library.h"

namespace meap::jinja {
namespace {

template <std::string (*kChange)(std::string_view)>
Value CaseFilter(Interpreter& run, const Value& input, const Arguments& arguments) {
  arguments.Check("upper, lower or capitalize", 0, {});
  const Text text = ToText(input);
  run.CountBytes(text.bytes.size());
  Text changed{kChange(text.bytes)};
  if (changed.bytes.size() == text.bytes.size()) changed.marks = text.marks;
  return changed;
}

/// Unlike str.title(): words begin after white space, '-' and opening brackets only.
std::string TitleWords(std::string_view text) {
  std::string out;
  size_t at = 0;
  while (at < text.size()) {
    size_t end = at;
    const auto separates = [](uint32_t c) {
      return IsSpace(c) || c == '-' || c == '(' || c == '{' || c == '[' || c == '<';
    };
    while (end < text.size() && separates(CodePoint(text, end))) end = NextCharacter(text, end);
    out += text.substr(at, end - at);
    at = end;
    while (end < text.size() && !separates(CodePoint(text, end))) end = NextCharacter(text, end);
    out += Capitalize(text.substr(at, end - at));
    at = end;
  }
  return out;
}

Value TrimFilter(Interpreter&, const Value& input, const Arguments& arguments) {
  arguments.Check("trim", 1, {"chars"});
  return Strip(ToText(input), arguments.Get(0, "chars").value_or(None{}), true, true);
}

Value LengthFilter(Interpreter&, const Value& input, const Arguments&) { return NeedLength(input); }

Value DefaultFilter(Interpreter&, const Value& input, const Arguments& arguments) {
  arguments.Check("default", 2, {"default_value", "boolean"});
  const auto boolean = arguments.Get(1, "boolean");
  const bool replaced = input.IsUndefined() || (boolean && boolean->Truth() && !input.Truth());
  return replaced ? arguments.Get(0, "default_value").value_or("") : input;
}

Value ReplaceFilter(Interpreter& run, const Value& input, const Arguments& arguments) {
  arguments.Check("replace", 3, {"old", "new", "count"});
  const Text from = ToText(arguments.Need(0, "old", "replace"));
  const Text to = ToText(arguments.Need(1, "new", "replace"));
  const std::optional<Value> count = arguments.Get(2, "count");
  const bool all = !count || count->IsNone();
  if (!all && !count->IsInt()) Fail("replace() takes an int for count");
  return Replace(run, ToText(input), from.bytes, to, all ? -1 : count->Int());
}

Value StringFilter(Interpreter&, const Value& input, const Arguments&) { return ToText(input); }

Value ToJsonFilter(Interpreter& run, const Value& input, const Arguments& arguments) {
  std::string json = ToJson(input, arguments);
  run.CountBytes(json.size());
  return json;
}

/// A number from a text, as int() and float() read it: blanks around it, '_' between digits.
std::optional<double> ParseNumber(std::string_view text) {
  text = text.substr(LeadingSpace(text));
  text.remove_suffix(TrailingSpace(text));
  std::string digits;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool inner = i > 0 && i + 1 < text.size() && text[i - 1] != '_';
    if (text[i] != '_' || !inner) digits += text[i];
  }
  if (digits.starts_with('+')) digits.erase(0, 1);
  double number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  const bool whole = end == digits.data() + digits.size() && !digits.empty();
  return whole && error == std::errc() ? std::optional(number) : std::nullopt;
}

std::optional<int64_t> ToInteger(double number) {
  if (!(std::abs(number) < 9.2e18)) return std::nullopt;
  return static_cast<int64_t>(number);
}

Value IntFilter(Interpreter&, const Value& input, const Arguments& arguments) {
  arguments.Check("int", 2, {"default", "base"});
  if (arguments.Get(1, "base")) FailUnsupported("base of the filter 'int'");
  NeedDefined(input);
  const Value otherwise = arguments.Get(0, "default").value_or(0);
  if (input.IsInt()) return input.Int();
  if (input.IsFloat()) {
    const std::optional<int64_t> whole = ToInteger(input.Float());
    return whole ? Value(*whole) : otherwise;
  }
  if (!input.IsString()) return otherwise;
  int64_t exact = 0;
  const std::string& text = input.String();
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), exact);
  if (error == std::errc() && end == text.data() + text.size()) return exact;
  const std::optional<double> number = ParseNumber(text);
  const std::optional<int64_t> whole = number ? ToInteger(*number) : std::nullopt;
  return whole ? Value(*whole) : otherwise;
}

Value FloatFilter(Interpreter&, const Value& input, const Arguments& arguments) {
  arguments.Check("float", 1, {"default"});
  NeedDefined(input);
  if (input.IsNumber()) return input.Float();
  const std::optional<double> number =
      input.IsString() ? ParseNumber(input.String()) : std::nullopt;
  return number ? Value(*number) : arguments.Get(0, "default").value_or(0.0);
}

Value AbsFilter(Interpreter& run, const Value& input, const Arguments&) {
  if (input.IsFloat()) return std::abs(input.Float());
  if (!input.IsInt()) Fail("abs() takes a number, not '" + input.TypeName() + "'");
  return input.Int() < 0 ? Arithmetic(run, "-", Value(0), input) : Value(input.Int());
}

Value RoundFilter(Interpreter&, const Value& input, const Arguments& arguments) {
  arguments.Check("round", 2, {"precision", "method"});
  if (!input.IsNumber()) Fail("round() takes a number, not '" + input.TypeName() + "'");
  const Value precision = arguments.Get(0, "precision").value_or(0);
  if (!precision.IsInt() || precision.Int() != 0)
    FailUnsupported("precision of the filter 'round'");
  const std::string method = ToText(arguments.Get(1, "method").value_or("common")).bytes;
  if (method == "ceil") return std::ceil(input.Float());
  if (method == "floor") return std::floor(input.Float());
  if (method != "common") Fail("round() knows common, ceil and floor, not '" + method + "'");
  if (input.IsInt()) return input;
  return std::nearbyint(input.Float());  // ties to even, as Python's round()
}

Value IndentFilter(Interpreter& run, const Value& input, const Arguments& arguments) {
  arguments.Check("indent", 3, {"width", "first", "blank"});
  const Value width = arguments.Get(0, "width").value_or(4);
  Text indent;
  if (width.IsString()) {
    indent = width.text();
  } else if (width.IsInt() && width.Int() <= 1000) {
    indent.bytes = std::string(static_cast<size_t>(std::max<int64_t>(0, width.Int())), ' ');
  } else {
    Fail("indent() takes a width of at most 1000 or a str");
  }
  const bool blank = arguments.Get(2, "blank").value_or(false).Truth();
  Text source = ToText(input);
  source.bytes += '\n';
  const Method splitlines = FindMethod(Value(source), "splitlines");
  const Value lines = splitlines(run, Value(source), {});
  Text out;
  if (arguments.Get(1, "first").value_or(false).Truth()) out = indent;
  bool first = true;
  for (const Value& line : lines.sequence().items) {
    if (!first) {
      out.Append(Text{"\n"});
      if (blank || !line.String().empty()) out.Append(indent);
    }
    first = false;
    out.Append(line.text());
    run.CountBytes(indent.bytes.size() + line.String().size());
  }
  return out;
}

constexpr FilterEntry kFilters[] = {
    {"upper", CaseFilter<Upper>},
    {"lower", CaseFilter<Lower>},
    {"capitalize", CaseFilter<Capitalize>},
    {"title", CaseFilter<TitleWords>},
    {"trim", TrimFilter},
    {"length", LengthFilter},
    {"count", LengthFilter},
    {"default", DefaultFilter},
    {"d", DefaultFilter},
    {"replace", ReplaceFilter},
    {"string", StringFilter},
    {"tojson", ToJsonFilter},
    {"int", IntFilter},
    {"float", FloatFilter},
    {"abs", AbsFilter},
    {"round", RoundFilter},
    {"indent", IndentFilter},
};

}  // namespace

Filter FindFilter(std::string_view name) {
  for (const FilterEntry& entry : kFilters) {
    if (entry.name == name) return entry.filter;
  }
  for (const FilterEntry& entry : SequenceFilters()) {
    if (entry.name == name) return entry.filter;
  }
  return nullptr;
}

}  // namespace meap::jinja
