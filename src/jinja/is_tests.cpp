// What stands behind `is`.
#include <array>

#include "jinja/characters.h"
#include "jinja/library.h"

namespace meap::jinja {
namespace {

int64_t NeedInt(const Value& value, const char* test) {
  if (!value.IsInt()) {
    Fail("'" + std::string(test) + "' takes an int, not '" + value.TypeName() + "'");
  }
  return value.Int();
}

template <bool (Value::*kType)() const>
bool IsType(Interpreter&, const Value& value, const Arguments&) {
  return (value.*kType)();
}

bool IsDefined(Interpreter&, const Value& value, const Arguments&) { return !value.IsUndefined(); }
bool IsInteger(Interpreter&, const Value& value, const Arguments&) {
  return value.IsInt() && !value.IsBool();
}
bool IsTrue(Interpreter&, const Value& value, const Arguments&) {
  return value.IsBool() && value.Int() != 0;
}
bool IsFalse(Interpreter&, const Value& value, const Arguments&) {
  return value.IsBool() && value.Int() == 0;
}
bool IsSequence(Interpreter&, const Value& value, const Arguments&) {
  if (value.IsSequence()) return value.sequence().form != Sequence::Form::kView;
  return value.IsString() || value.IsDict() || value.IsUndefined();
}
bool IsIterable(Interpreter&, const Value& value, const Arguments&) {
  if (value.IsObject()) return value.object().iterable();
  return value.IsSequence() || value.IsString() || value.IsDict() || value.IsUndefined();
}
bool IsCallable(Interpreter&, const Value& value, const Arguments&) {
  return value.IsObject() && value.object().callable();
}

bool IsOdd(Interpreter&, const Value& value, const Arguments&) {
  return NeedInt(value, "odd") % 2 != 0;
}
bool IsEven(Interpreter&, const Value& value, const Arguments&) {
  return NeedInt(value, "even") % 2 == 0;
}
bool IsDivisibleBy(Interpreter& run, const Value& value, const Arguments& arguments) {
  const Value divisor = arguments.Need(0, "num", "divisibleby");
  NeedInt(value, "divisibleby");
  NeedInt(divisor, "divisibleby");
  return !Arithmetic(run, "%", value, divisor).Truth();
}

/// str.islower() or str.isupper(): a cased character, and none of the other case.
template <bool kUpper>
bool HasCase(Interpreter&, const Value& value, const Arguments&) {
  const std::string text = ToText(value).bytes;
  bool cased = false;
  for (size_t at = 0; at < text.size(); at = NextCharacter(text, at)) {
    const uint32_t c = CodePoint(text, at);
    if (kUpper ? IsLower(c) : IsUpper(c)) return false;
    cased = cased || IsLower(c) || IsUpper(c);
  }
  return cased;
}

bool IsEqual(Interpreter&, const Value& value, const Arguments& arguments) {
  return Equal(value, arguments.Need(0, "other", "equalto"));
}
bool IsUnequal(Interpreter&, const Value& value, const Arguments& arguments) {
  return !Equal(value, arguments.Need(0, "other", "ne"));
}
bool IsLess(Interpreter&, const Value& value, const Arguments& arguments) {
  return Less(value, arguments.Need(0, "other", "lessthan"));
}
bool IsGreater(Interpreter&, const Value& value, const Arguments& arguments) {
  return Less(arguments.Need(0, "other", "greaterthan"), value);
}
bool IsLessOrEqual(Interpreter& run, const Value& value, const Arguments& arguments) {
  return IsLess(run, value, arguments) || IsEqual(run, value, arguments);
}
bool IsGreaterOrEqual(Interpreter& run, const Value& value, const Arguments& arguments) {
  return IsGreater(run, value, arguments) || IsEqual(run, value, arguments);
}
bool IsIn(Interpreter&, const Value& value, const Arguments& arguments) {
  return Contains(arguments.Need(0, "seq", "in"), value);
}
bool IsSameAs(Interpreter&, const Value& value, const Arguments& arguments) {
  const Value other = arguments.Need(0, "other", "sameas");
  const auto single = [](const Value& v) { return v.IsNone() || v.IsBool(); };
  if (!single(value) && !single(other))
    FailUnsupported("'sameas' for other values than none, true and false");
  return value.IsBool() == other.IsBool() && value.IsNone() == other.IsNone() &&
         Equal(value, other);
}

using Test = bool (*)(Interpreter& run, const Value& value, const Arguments& arguments);

struct Entry {
  std::string_view name;
  Test test;
  size_t parameters = 0;
};

constexpr Entry kTests[] = {
    {"defined", IsDefined},
    {"undefined", IsType<&Value::IsUndefined>},
    {"none", IsType<&Value::IsNone>},
    {"boolean", IsType<&Value::IsBool>},
    {"true", IsTrue},
    {"false", IsFalse},
    {"integer", IsInteger},
    {"float", IsType<&Value::IsFloat>},
    {"number", IsType<&Value::IsNumber>},
    {"string", IsType<&Value::IsString>},
    {"mapping", IsType<&Value::IsDict>},
    {"sequence", IsSequence},
    {"iterable", IsIterable},
    {"callable", IsCallable},
    {"odd", IsOdd},
    {"even", IsEven},
    {"divisibleby", IsDivisibleBy, 1},
    {"lower", HasCase<false>},
    {"upper", HasCase<true>},
    {"eq", IsEqual, 1},
    {"equalto", IsEqual, 1},
    {"==", IsEqual, 1},
    {"ne", IsUnequal, 1},
    {"!=", IsUnequal, 1},
    {"lt", IsLess, 1},
    {"lessthan", IsLess, 1},
    {"<", IsLess, 1},
    {"le", IsLessOrEqual, 1},
    {"<=", IsLessOrEqual, 1},
    {"gt", IsGreater, 1},
    {"greaterthan", IsGreater, 1},
    {">", IsGreater, 1},
    {"ge", IsGreaterOrEqual, 1},
    {">=", IsGreaterOrEqual, 1},
    {"in", IsIn, 1},
    {"sameas", IsSameAs, 1},
};

}  // namespace

bool RunTest(Interpreter& run, const std::string& name, const Value& value,
             const Arguments& arguments) {
  for (const Entry& entry : kTests) {
    if (entry.name != name) continue;
    const size_t given = arguments.positional.size() + arguments.keyword.size();
    if (given > entry.parameters) Fail("the test '" + name + "' was given too many arguments");
    return entry.test(run, value, arguments);
  }
  FailUnsupported("test '" + name + "'");
}

}  // namespace meap::jinja
