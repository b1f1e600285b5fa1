#include "jinja/value.h"

#include <algorithm>

#include "jinja/characters.h"

namespace meap::jinja {

void Text::Append(const Text& other) {
  const size_t shift = bytes.size();
  for (const Mark& mark : other.marks) {
    if (!marks.empty() && marks.back().end == mark.begin + shift &&
        marks.back().source == mark.source) {
      marks.back().end = mark.end + shift;
    } else {
      marks.push_back({mark.begin + shift, mark.end + shift, mark.source});
    }
  }
  bytes += other.bytes;
}

Text Text::Slice(size_t begin, size_t end) const {
  Text part{bytes.substr(begin, end - begin)};
  for (const Mark& mark : marks) {
    const size_t from = std::max(mark.begin, begin);
    const size_t to = std::min(mark.end, end);
    if (from < to) part.marks.push_back({from - begin, to - begin, mark.source});
  }
  return part;
}

void Fail(const std::string& message) { throw TemplateError(message); }
void FailUnsupported(const std::string& feature) {
  throw UnsupportedError("meap's subset of Jinja has no " + feature);
}

Value::Value(Sequence sequence) {
  sequence.extent = ExtentOf(sequence.items);
  data_ = std::make_shared<const Sequence>(std::move(sequence));
}

Value::Value(Dict dict) {
  std::vector<Value> all;
  for (const auto& [key, value] : dict.items) {
    all.push_back(key);
    all.push_back(value);
  }
  dict.extent = ExtentOf(all);
  data_ = std::make_shared<const Dict>(std::move(dict));
}

Extent Value::extent() const {
  if (IsString()) return {0, String().size() + sizeof(Value)};
  if (IsSequence()) return sequence().extent;
  if (IsDict()) return dict().extent;
  if (!IsObject()) return {0, sizeof(Value)};
  const auto* generator = dynamic_cast<const Generator*>(&object());
  if (generator == nullptr) FailUnsupported("functions and namespaces inside of other values");
  return generator->extent();
}

Extent ExtentOf(const std::vector<Value>& items) {
  constexpr int kDeepest = 200;
  constexpr uint64_t kMostBytes = uint64_t{1} << 28;
  Extent extent{1, sizeof(Value)};
  for (const Value& item : items) {
    const Extent inner = item.extent();
    extent.depth = std::max(extent.depth, inner.depth + 1);
    extent.bytes += inner.bytes;
  }
  if (extent.depth > kDeepest) Fail("a value that is nested too deeply");
  if (extent.bytes > kMostBytes) Fail("a value that is too large");
  return extent;
}

Value Value::UndefinedName(std::string name) {
  Value value;
  value.data_ = Undefined{std::move(name)};
  return value;
}

int64_t Value::Int() const {
  return IsBool() ? int64_t{std::get<bool>(data_)} : std::get<int64_t>(data_);
}
double Value::Float() const {
  return IsFloat() ? std::get<double>(data_) : static_cast<double>(Int());
}

bool Value::Truth() const {
  if (IsUndefined() || IsNone()) return false;
  if (IsInt()) return Int() != 0;
  if (IsFloat()) return Float() != 0;
  if (IsObject()) return true;
  return *Length(*this) != 0;
}

std::string Value::TypeName() const {
  if (IsSequence()) {
    constexpr const char* kForms[] = {"list", "tuple", "dict view", "range"};
    return kForms[static_cast<size_t>(sequence().form)];
  }
  constexpr const char* kNames[] = {"undefined", "None", "bool", "int",   "float",
                                    "str",       "list", "dict", "object"};
  return kNames[data_.index()];
}

const Value* Dict::Find(const Value& key) const {
  for (const auto& [name, value] : items) {
    if (Equal(name, key)) return &value;
  }
  return nullptr;
}

const Value* Dict::Find(std::string_view key) const {
  for (const auto& [name, value] : items) {
    if (name.IsString() && name.String() == key) return &value;
  }
  return nullptr;
}

void Dict::Set(Value key, Value value) {
  if (key.IsSequence() ? key.sequence().form != Sequence::Form::kTuple
                       : key.IsDict() || key.IsObject()) {
    Fail("unhashable type: '" + key.TypeName() + "'");
  }
  for (auto& [name, old] : items) {
    if (Equal(name, key)) {
      old = std::move(value);
      return;
    }
  }
  items.emplace_back(std::move(key), std::move(value));
}

std::optional<Value> Arguments::Get(size_t index, std::string_view name) const {
  if (index < positional.size()) return positional[index];
  for (const auto& [key, value] : keyword) {
    if (key == name) return value;
  }
  return std::nullopt;
}

Value Arguments::Need(size_t index, std::string_view name, const std::string& function) const {
  std::optional<Value> value = Get(index, name);
  if (!value) Fail(function + "() misses its argument '" + std::string(name) + "'");
  return *value;
}

void Arguments::Check(const std::string& function, size_t most,
                      std::initializer_list<std::string_view> names) const {
  if (positional.size() > most) {
    Fail(function + "() takes at most " + std::to_string(most) + " arguments, got " +
         std::to_string(positional.size()));
  }
  for (const auto& [key, value] : keyword) {
    if (std::find(names.begin(), names.end(), key) == names.end()) {
      Fail(function + "() has no argument '" + key + "'");
    }
  }
}

bool Equal(const Value& a, const Value& b) {
  if (a.IsInt() && b.IsInt()) return a.Int() == b.Int();
  if (a.IsNumber() && b.IsNumber()) return a.Float() == b.Float();
  if (a.IsString() && b.IsString()) return a.String() == b.String();
  if (a.IsSequence() && b.IsSequence()) {
    const Sequence& x = a.sequence();
    const Sequence& y = b.sequence();
    return x.form == y.form &&
           std::equal(x.items.begin(), x.items.end(), y.items.begin(), y.items.end(), Equal);
  }
  if (a.IsDict() && b.IsDict()) {
    if (a.dict().items.size() != b.dict().items.size()) return false;
    return std::all_of(a.dict().items.begin(), a.dict().items.end(), [&](const auto& item) {
      const Value* other = b.dict().Find(item.first);
      return other != nullptr && Equal(item.second, *other);
    });
  }
  if (a.IsObject() && b.IsObject()) return &a.object() == &b.object();
  return (a.IsNone() && b.IsNone()) || (a.IsUndefined() && b.IsUndefined());
}

bool Less(const Value& a, const Value& b) {
  if (a.IsInt() && b.IsInt()) return a.Int() < b.Int();
  if (a.IsNumber() && b.IsNumber()) return a.Float() < b.Float();
  if (a.IsString() && b.IsString()) return a.String() < b.String();
  if (a.IsSequence() && b.IsSequence() && a.sequence().form == b.sequence().form) {
    const auto& x = a.sequence().items;
    const auto& y = b.sequence().items;
    const auto [i, j] = std::mismatch(x.begin(), x.end(), y.begin(), y.end(), Equal);
    return j != y.end() && (i == x.end() || Less(*i, *j));
  }
  if (a.IsUndefined()) Fail("'" + a.undefined_name() + "' is undefined");
  if (b.IsUndefined()) Fail("'" + b.undefined_name() + "' is undefined");
  Fail("'" + a.TypeName() + "' and '" + b.TypeName() + "' have no order");
}

bool Contains(const Value& container, const Value& item) {
  if (container.IsString()) {
    if (!item.IsString()) Fail("only a str can be in a str, not '" + item.TypeName() + "'");
    return container.String().find(item.String()) != std::string::npos;
  }
  if (container.IsDict()) return container.dict().Find(item) != nullptr;
  if (container.IsObject() && container.object().iterable()) {
    while (const std::optional<Value> value = container.object().Next()) {
      if (Equal(*value, item)) return true;
    }
    return false;
  }
  const std::vector<Value> items = Iterate(container);
  return std::any_of(items.begin(), items.end(), [&](const Value& v) { return Equal(v, item); });
}

std::vector<Value> Iterate(const Value& value) {
  std::vector<Value> items;
  if (value.IsSequence()) return value.sequence().items;
  if (value.IsDict()) {
    for (const auto& [key, unused] : value.dict().items) items.push_back(key);
    return items;
  }
  if (value.IsString()) {
    const Text& text = value.text();
    for (size_t at = 0; at < text.bytes.size();) {
      const size_t next = NextCharacter(text.bytes, at);
      items.emplace_back(text.Slice(at, next));
      at = next;
    }
    return items;
  }
  if (value.IsUndefined()) return items;
  if (value.IsObject() && value.object().iterable()) {
    while (std::optional<Value> item = value.object().Next()) items.push_back(std::move(*item));
    return items;
  }
  Fail("a value of type '" + value.TypeName() + "' cannot be iterated over");
}

std::optional<size_t> Length(const Value& value) {
  if (value.IsString()) return CountCharacters(value.String());
  if (value.IsSequence()) return value.sequence().items.size();
  if (value.IsDict()) return value.dict().items.size();
  if (value.IsUndefined()) return 0;
  return std::nullopt;
}

}  // namespace meap::jinja
