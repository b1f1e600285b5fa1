// The values that a template computes with, with Python's semantics.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace meap::jinja {

/// Bytes [begin, end) of a string came from the input numbered `source`.
struct Mark {
  size_t begin;
  size_t end;
  int source;
};
/// The source of what a {% generation %} block wrote.
inline constexpr int kGenerationSource = -1;

/// A string that knows where parts of it came from: concatenation, slices, strip, split, replace
/// and join keep track, whatever makes other characters of it loses it.
struct Text {
  std::string bytes;
  std::vector<Mark> marks = {};

  /// Appends with the marks.
  void Append(const Text& other);
  /// Bytes [begin, end) with the marks in them.
  Text Slice(size_t begin, size_t end) const;
};

/// A failure while a template is read or run; Template makes an InputError with the line of it.
class TemplateError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};
[[noreturn]] void Fail(const std::string& message);
/// The failure for what Jinja can and this subset cannot.
class UnsupportedError : public TemplateError {
 public:
  using TemplateError::TemplateError;
};
[[noreturn]] void FailUnsupported(const std::string& feature);

class Value;
struct Sequence;
struct Dict;
class Object;

struct None {};
/// What a name that nothing stands for is worth.
struct Undefined {
  std::string name;
};

/// How large a value is with everything in it.
struct Extent {
  int depth = 0;
  uint64_t bytes = 0;
};

/// An immutable value, cheap to copy.
class Value {
 public:
  Value() : data_(Undefined{}) {}
  Value(None) : data_(None{}) {}                               // NOLINT: values convert freely
  Value(bool value) : data_(value) {}                          // NOLINT
  Value(int64_t value) : data_(value) {}                       // NOLINT
  Value(int value) : data_(int64_t{value}) {}                  // NOLINT
  Value(size_t value) : data_(static_cast<int64_t>(value)) {}  // NOLINT
  Value(double value) : data_(value) {}                        // NOLINT
  Value(Text text) : data_(std::make_shared<const Text>(std::move(text))) {}  // NOLINT
  Value(std::string text) : Value(Text{std::move(text)}) {}                   // NOLINT
  Value(std::string_view text) : Value(std::string(text)) {}                  // NOLINT
  Value(const char* text) : Value(std::string(text)) {}                       // NOLINT
  Value(Sequence sequence);                                                   // NOLINT
  Value(Dict dict);                                                           // NOLINT
  Value(std::shared_ptr<Object> object) : data_(std::move(object)) {}         // NOLINT
  static Value UndefinedName(std::string name);

  bool IsUndefined() const { return std::holds_alternative<Undefined>(data_); }
  bool IsNone() const { return std::holds_alternative<None>(data_); }
  bool IsBool() const { return std::holds_alternative<bool>(data_); }
  /// An int or a bool, which Python counts among them.
  bool IsInt() const { return std::holds_alternative<int64_t>(data_) || IsBool(); }
  bool IsFloat() const { return std::holds_alternative<double>(data_); }
  bool IsNumber() const { return IsInt() || IsFloat(); }
  bool IsString() const { return std::holds_alternative<std::shared_ptr<const Text>>(data_); }
  bool IsSequence() const { return std::holds_alternative<std::shared_ptr<const Sequence>>(data_); }
  bool IsDict() const { return std::holds_alternative<std::shared_ptr<const Dict>>(data_); }
  bool IsObject() const { return std::holds_alternative<std::shared_ptr<Object>>(data_); }

  int64_t Int() const;
  double Float() const;
  const Text& text() const { return *std::get<std::shared_ptr<const Text>>(data_); }
  const std::string& String() const { return text().bytes; }
  const Sequence& sequence() const { return *std::get<std::shared_ptr<const Sequence>>(data_); }
  const Dict& dict() const { return *std::get<std::shared_ptr<const Dict>>(data_); }
  Object& object() const { return *std::get<std::shared_ptr<Object>>(data_); }
  const std::string& undefined_name() const { return std::get<Undefined>(data_).name; }

  /// Python's bool().
  bool Truth() const;
  /// Zero depth for what holds no other values.
  Extent extent() const;
  /// "int", "str", "list", ...: for messages.
  std::string TypeName() const;

 private:
  std::variant<Undefined, None, bool, int64_t, double, std::shared_ptr<const Text>,
               std::shared_ptr<const Sequence>, std::shared_ptr<const Dict>,
               std::shared_ptr<Object>>
      data_;
};

/// A list, a tuple, or what Python's dict views and range() give: those can be gone over and
/// counted, and are no lists.
struct Sequence {
  enum class Form { kList, kTuple, kView, kRange };
  std::vector<Value> items = {};
  Form form = Form::kList;
  Extent extent = {};  // set when it becomes a Value
};

/// A dictionary in the order of insertion.
struct Dict {
  std::vector<std::pair<Value, Value>> items = {};
  Extent extent = {};  // set when it becomes a Value

  const Value* Find(const Value& key) const;
  const Value* Find(std::string_view key) const;
  void Set(Value key, Value value);
};

/// Arguments of a call.
struct Arguments {
  std::vector<Value> positional = {};
  std::vector<std::pair<std::string, Value>> keyword = {};

  /// The argument at `index` or of this name; nothing where it was not given.
  std::optional<Value> Get(size_t index, std::string_view name) const;
  /// The same, an error naming `function` where it was not given.
  Value Need(size_t index, std::string_view name, const std::string& function) const;
  /// Fails when there are more than `most` positional arguments or a keyword is not in `names`.
  void Check(const std::string& function, size_t most,
             std::initializer_list<std::string_view> names) const;
};

/// What is neither plain data nor text: functions, macros, `loop`, namespaces.
class Object {
 public:
  Object() = default;
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;
  virtual ~Object() = default;

  virtual std::optional<Value> Attribute(std::string_view name) const = 0;
  /// False where attributes cannot be set.
  virtual bool SetAttribute(std::string_view name, const Value& value) = 0;
  virtual Value Call(const Arguments& arguments) = 0;
  virtual bool callable() const = 0;
  /// What Python calls an iterator: Next() gives each value once.
  virtual bool iterable() const { return false; }
  virtual std::optional<Value> Next() { return std::nullopt; }
};

/// The extent of something that holds `items`. What is nested too deeply, is too large in all, or
/// holds a function or namespace (so that no value can hold itself) is an error.
Extent ExtentOf(const std::vector<Value>& items);

/// The values of a filter that goes over its input value by value: always true, without a length,
/// and empty after it has been gone over once, as Python's generators are.
class Generator : public Object {
 public:
  explicit Generator(std::vector<Value> items)
      : items_(std::move(items)), extent_(ExtentOf(items_)) {}
  std::optional<Value> Attribute(std::string_view) const override { return std::nullopt; }
  bool SetAttribute(std::string_view, const Value&) override { return false; }
  Value Call(const Arguments&) override { Fail("a generator cannot be called"); }
  bool callable() const override { return false; }
  bool iterable() const override { return true; }
  const Extent& extent() const { return extent_; }
  std::optional<Value> Next() override {
    return at_ < items_.size() ? std::optional(items_[at_++]) : std::nullopt;
  }

 private:
  std::vector<Value> items_;
  Extent extent_;
  size_t at_ = 0;
};

/// Python's == and <; the second fails for types that have no order.
bool Equal(const Value& a, const Value& b);
bool Less(const Value& a, const Value& b);
/// Python's `item in container`.
bool Contains(const Value& container, const Value& item);
/// The values that iterating gives; fails for what cannot be iterated over.
std::vector<Value> Iterate(const Value& value);
/// Python's len(), nothing for what has none.
std::optional<size_t> Length(const Value& value);

}  // namespace meap::jinja
