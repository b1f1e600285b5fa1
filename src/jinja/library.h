// Everything that Jinja and Python give a template by name: filters, tests, methods, functions.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "jinja/interpreter.h"
#include "jinja/value.h"

namespace meap::jinja {

using Filter = Value (*)(Interpreter& run, const Value& input, const Arguments& arguments);
using Method = Value (*)(Interpreter& run, const Value& self, const Arguments& arguments);

/// Null for names that the subset does not have.
Filter FindFilter(std::string_view name);
/// `value is name(arguments)`; a name that the subset does not have is an error.
bool RunTest(Interpreter& run, const std::string& name, const Value& value,
             const Arguments& arguments);
/// Methods of str, dict and list: null for names that they do not have, an error for one that
/// Python has and the subset does not.
Method FindMethod(const Value& self, std::string_view name);
/// raise_exception, strftime_now, range, dict, namespace.
const Value* FindGlobal(std::string_view name);

/// A function of this library as a value.
class Function : public Object {
 public:
  using Body = std::function<Value(const Arguments&)>;
  explicit Function(Body body) : body_(std::move(body)) {}
  std::optional<Value> Attribute(std::string_view) const override { return std::nullopt; }
  bool SetAttribute(std::string_view, const Value&) override { return false; }
  Value Call(const Arguments& arguments) override { return body_(arguments); }
  bool callable() const override { return true; }

 private:
  Body body_;
};

/// namespace(...): the one thing whose attributes a template can set.
class Namespace : public Object {
 public:
  std::optional<Value> Attribute(std::string_view name) const override;
  bool SetAttribute(std::string_view name, const Value& value) override {
    ExtentOf({value});
    attributes[std::string(name)] = value;
    return true;
  }
  Value Call(const Arguments&) override { Fail("a namespace is no function"); }
  bool callable() const override { return false; }

  std::map<std::string, Value, std::less<>> attributes = {};
};

/// `value.name`: methods first, then items; and `value[key]`: items first.
Value GetAttribute(Interpreter& run, const Value& value, const std::string& name);
Value GetItem(Interpreter& run, const Value& value, const Value& key);
/// `value` along "a.b.0": what the `attribute` argument of filters takes.
Value GetPath(Interpreter& run, const Value& value, const Value& path);
/// Python's len(); what has none is an error.
size_t NeedLength(const Value& value);
/// Fails for an undefined value, on which nothing can be done.
void NeedDefined(const Value& value);

/// Python's str(), with the marks of a string; and repr().
Text ToText(const Value& value);
std::string Repr(const Value& value);
std::string FormatFloat(double value);
/// json.dumps() as transformers calls it.
std::string ToJson(const Value& value, const Arguments& arguments);

/// Operators "+", "-", "*", "/", "//", "%", "**".
Value Arithmetic(Interpreter& run, const std::string& op, const Value& a, const Value& b);
/// value[start:stop:step] of strings and sequences; null parts are None.
Value Slice(const Value& value, const Value& start, const Value& stop, const Value& step);

/// str.strip() and its kin: white space, or the characters in `characters`.
Text Strip(const Text& text, const Value& characters, bool left, bool right);
/// str.replace(); count -1 for all.
Text Replace(Interpreter& run, const Text& text, const std::string& from, const Text& to,
             int64_t count);

}  // namespace meap::jinja
