// Expressions; interpreter.cpp has the statements.
#include "jinja/interpreter.h"
#include "jinja/library.h"

namespace meap::jinja {
namespace {

using Kind = Expression::Kind;

bool Compare(const std::string& op, const Value& a, const Value& b) {
  if (op == "==") return Equal(a, b);
  if (op == "!=") return !Equal(a, b);
  if (op == "in") return Contains(b, a);
  if (op == "not in") return !Contains(b, a);
  if (op == "<") return Less(a, b);
  if (op == ">") return Less(b, a);
  const bool equal = Equal(a, b);
  return (op == "<=" ? Less(a, b) : Less(b, a)) || equal;
}

}  // namespace

Value Interpreter::Lookup(const std::string& name) const {
  if (const Value* value = scope_->Find(name)) return *value;
  if (const Value* value = FindGlobal(name)) return *value;
  return Value::UndefinedName(name);
}

Value Interpreter::EvaluateOr(const ExpressionPtr& node, Value otherwise) {
  return node ? Evaluate(*node) : std::move(otherwise);
}

Value Interpreter::Evaluate(const Expression& node) {
  Step(node.line);
  if (++depth_ > kDeepest) Fail("the template calls itself too deeply");
  const auto value = [&]() -> Value {
    switch (node.kind) {
      case Kind::kConstant:
        return node.value;
      case Kind::kName:
        return Lookup(node.name);
      case Kind::kList:
      case Kind::kTuple: {
        Sequence sequence;
        if (node.kind == Kind::kTuple) sequence.form = Sequence::Form::kTuple;
        for (const ExpressionPtr& item : node.operands) sequence.items.push_back(Evaluate(*item));
        return sequence;
      }
      case Kind::kDict: {
        Dict dict;
        for (size_t i = 0; i < node.operands.size(); i += 2) {
          Value key = Evaluate(*node.operands[i]);
          dict.Set(std::move(key), Evaluate(*node.operands[i + 1]));
        }
        return dict;
      }
      case Kind::kUnary:
        return EvaluateUnary(node);
      case Kind::kBinary:
        return EvaluateBinary(node);
      case Kind::kCompare:
        return EvaluateCompare(node);
      case Kind::kConditional:
        if (Evaluate(*node.operands[0]).Truth()) return Evaluate(*node.operands[1]);
        return EvaluateOr(node.operands[2], Value::UndefinedName("the inline if without an else"));
      case Kind::kAttribute:
        return GetAttribute(*this, Evaluate(*node.operands[0]), node.name);
      case Kind::kItem: {
        const Value container = Evaluate(*node.operands[0]);
        return GetItem(*this, container, Evaluate(*node.operands[1]));
      }
      case Kind::kSlice:
        return EvaluateSlice(node);
      case Kind::kCall:
        return EvaluateCall(node, std::nullopt);
      case Kind::kFilter:
        return EvaluateFilter(node, nullptr);
      case Kind::kTest: {
        const Value tested = Evaluate(*node.operands[0]);
        const Arguments arguments = EvaluateArguments(node);
        return ApplyTest(node.name, tested, arguments);
      }
    }
    return {};
  }();
  --depth_;
  return value;
}

Value Interpreter::EvaluateUnary(const Expression& node) {
  const Value operand = Evaluate(*node.operands[0]);
  if (node.name == "not") return !operand.Truth();
  if (node.name == "-" && operand.IsFloat()) return -operand.Float();
  return Arithmetic(*this, node.name, Value(0), operand);
}

Value Interpreter::EvaluateBinary(const Expression& node) {
  Value left = Evaluate(*node.operands[0]);
  if (node.name == "and") return left.Truth() ? Evaluate(*node.operands[1]) : left;
  if (node.name == "or") return left.Truth() ? left : Evaluate(*node.operands[1]);
  const Value right = Evaluate(*node.operands[1]);
  line_ = node.line;
  if (node.name != "~") return Arithmetic(*this, node.name, left, right);
  Text text = ToText(left);
  text.Append(ToText(right));
  CountBytes(text.bytes.size());
  return text;
}

Value Interpreter::EvaluateCompare(const Expression& node) {
  Value left = Evaluate(*node.operands[0]);
  for (size_t i = 0; i < node.names.size(); ++i) {
    Value right = Evaluate(*node.operands[i + 1]);
    if (!Compare(node.names[i], left, right)) return false;
    left = std::move(right);
  }
  return true;
}

Value Interpreter::EvaluateSlice(const Expression& node) {
  const Value container = Evaluate(*node.operands[0]);
  const Value start = EvaluateOr(node.operands[1], None{});
  const Value stop = EvaluateOr(node.operands[2], None{});
  return Slice(container, start, stop, EvaluateOr(node.operands[3], None{}));
}

Arguments Interpreter::EvaluateArguments(const Expression& node) {
  Arguments arguments;
  for (size_t i = 1; i < node.operands.size(); ++i) {
    arguments.positional.push_back(Evaluate(*node.operands[i]));
  }
  for (const auto& [name, value] : node.keywords) {
    arguments.keyword.emplace_back(name, Evaluate(*value));
  }
  return arguments;
}

Value Interpreter::EvaluateCall(const Expression& node, const std::optional<Value>& caller) {
  const Expression& callee = *node.operands[0];
  const Value function = Evaluate(callee);
  Arguments arguments = EvaluateArguments(node);
  if (caller) arguments.keyword.emplace_back("caller", *caller);
  line_ = node.line;
  if (function.IsUndefined()) Fail("'" + function.undefined_name() + "' is undefined");
  if (!function.IsObject() || !function.object().callable()) {
    Fail("a value of type '" + function.TypeName() + "' cannot be called");
  }
  return function.object().Call(arguments);
}

Value Interpreter::EvaluateFilter(const Expression& node, const Value* input) {
  // In {% filter a | b %} and {% set x | a | b %} the innermost filter has no operand: the block.
  const Expression* inner = node.operands[0].get();
  const Value value = inner == nullptr ? *input
                      : input != nullptr && inner->kind == Kind::kFilter
                          ? EvaluateFilter(*inner, input)
                          : Evaluate(*inner);
  const Arguments arguments = EvaluateArguments(node);
  line_ = node.line;
  return ApplyFilter(node.name, value, arguments);
}

Value Interpreter::ApplyFilter(const std::string& name, const Value& input,
                               const Arguments& arguments) {
  const Filter filter = FindFilter(name);
  if (filter == nullptr) FailUnsupported("filter '" + name + "'");
  return filter(*this, input, arguments);
}

bool Interpreter::ApplyTest(const std::string& name, const Value& value,
                            const Arguments& arguments) {
  return RunTest(*this, name, value, arguments);
}

}  // namespace meap::jinja
