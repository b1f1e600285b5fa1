// Operators with Python's semantics; integers have 64 bits, and overflow is an error.
#include <cmath>

#include "jinja/library.h"

namespace meap::jinja {
namespace {

[[noreturn]] void FailTypes(const std::string& op, const Value& a, const Value& b) {
  Fail("'" + op + "' cannot be applied to '" + a.TypeName() + "' and '" + b.TypeName() + "'");
}

void CheckOverflow(bool overflow) {
  if (overflow) Fail("an integer has more than 64 bits");
}

int64_t FloorDivide(int64_t a, int64_t b) {
  const int64_t quotient = a / b;
  return (a % b != 0 && (a < 0) != (b < 0)) ? quotient - 1 : quotient;
}

Value IntegerPower(int64_t base, int64_t exponent) {
  if (exponent < 0) return std::pow(static_cast<double>(base), static_cast<double>(exponent));
  int64_t result = 1;
  for (int64_t i = 0; i < exponent && result != 0; ++i) {
    if (base == 1 || (base == -1 && i == exponent % 2)) break;
    CheckOverflow(__builtin_mul_overflow(result, base, &result));
  }
  return result;
}

Value Integers(const std::string& op, int64_t a, int64_t b) {
  int64_t result = 0;
  if (op == "+" || op == "-" || op == "*") {
    CheckOverflow(op == "+"   ? __builtin_add_overflow(a, b, &result)
                  : op == "-" ? __builtin_sub_overflow(a, b, &result)
                              : __builtin_mul_overflow(a, b, &result));
    return result;
  }
  if (op == "**") return IntegerPower(a, b);
  if (b == 0) Fail("division by zero");
  if (op == "/") return static_cast<double>(a) / static_cast<double>(b);
  if (b == -1) return op == "%" ? Value(0) : Integers("-", 0, a);
  if (op == "//") return FloorDivide(a, b);
  return a - FloorDivide(a, b) * b;
}

Value Floats(const std::string& op, double a, double b) {
  if (op == "+") return a + b;
  if (op == "-") return a - b;
  if (op == "*") return a * b;
  if (op == "**") return std::pow(a, b);
  if (b == 0) Fail("division by zero");
  if (op == "/") return a / b;
  double rest = std::fmod(a, b);
  if (rest != 0 && (rest < 0) != (b < 0)) rest += b;
  if (op == "%") return rest;
  return std::floor((a - rest) / b + 0.5);
}

Value Repeat(Interpreter& run, const Value& value, int64_t count) {
  const uint64_t size = NeedLength(value);
  // However often nothing is repeated, it is done at once.
  const uint64_t times = count < 0 || size == 0 ? 0 : static_cast<uint64_t>(count);
  if (size > 0 && times > (uint64_t{1} << 28) / size) Fail("a repetition that is too long");
  if (value.IsString()) {
    run.CountBytes(value.String().size() * times);
    Text text;
    for (uint64_t i = 0; i < times; ++i) text.Append(value.text());
    return text;
  }
  run.CountBytes(size * times * sizeof(Value));
  Sequence result{.items = {}, .form = value.sequence().form};
  for (uint64_t i = 0; i < times; ++i) {
    const std::vector<Value>& items = value.sequence().items;
    result.items.insert(result.items.end(), items.begin(), items.end());
  }
  return result;
}

bool IsList(const Value& value) {
  return value.IsSequence() && (value.sequence().form == Sequence::Form::kList ||
                                value.sequence().form == Sequence::Form::kTuple);
}

Value Add(Interpreter& run, const Value& a, const Value& b) {
  if (a.IsString() && b.IsString()) {
    Text text = a.text();
    text.Append(b.text());
    run.CountBytes(text.bytes.size());
    return text;
  }
  if (!IsList(a) || !IsList(b) || a.sequence().form != b.sequence().form) FailTypes("+", a, b);
  Sequence result = a.sequence();
  const std::vector<Value>& more = b.sequence().items;
  result.items.insert(result.items.end(), more.begin(), more.end());
  run.CountBytes(result.items.size() * sizeof(Value));
  return result;
}

}  // namespace

Value Arithmetic(Interpreter& run, const std::string& op, const Value& a, const Value& b) {
  NeedDefined(a);
  NeedDefined(b);
  if (a.IsInt() && b.IsInt()) return Integers(op, a.Int(), b.Int());
  if (a.IsNumber() && b.IsNumber()) return Floats(op, a.Float(), b.Float());
  if (op == "+") return Add(run, a, b);
  if (op == "*" && (a.IsString() || IsList(a)) && b.IsInt()) return Repeat(run, a, b.Int());
  if (op == "*" && a.IsInt() && (b.IsString() || IsList(b))) return Repeat(run, b, a.Int());
  if (op == "%" && a.IsString()) FailUnsupported("'%' formatting of strings");
  FailTypes(op, a, b);
}

}  // namespace meap::jinja
