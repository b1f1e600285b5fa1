// Attributes, items and slices.
#include <charconv>

#include "jinja/characters.h"
#include "jinja/library.h"

namespace meap::jinja {
namespace {

/// The bounds of a slice as Python computes them.
struct Bounds {
  int64_t start;
  int64_t stop;
  int64_t step;
};

Bounds BoundsOf(const Value& start, const Value& stop, const Value& step, int64_t length) {
  const auto number = [](const Value& value, int64_t otherwise) {
    if (value.IsNone()) return otherwise;
    if (!value.IsInt()) Fail("slice indices must be integers or None");
    return value.Int();
  };
  Bounds bounds{0, 0, number(step, 1)};
  if (bounds.step == 0) Fail("a slice's step cannot be zero");
  const bool forward = bounds.step > 0;
  const int64_t lowest = forward ? 0 : -1;
  const int64_t highest = forward ? length : length - 1;
  const auto clamp = [&](int64_t index) {
    if (index < 0) index += length;
    return std::clamp(index, lowest, highest);
  };
  bounds.start = start.IsNone() ? (forward ? lowest : highest) : clamp(number(start, 0));
  bounds.stop = stop.IsNone() ? (forward ? highest : lowest) : clamp(number(stop, 0));
  return bounds;
}

std::vector<int64_t> Indices(const Bounds& bounds) {
  std::vector<int64_t> indices;
  for (int64_t i = bounds.start; bounds.step > 0 ? i < bounds.stop : i > bounds.stop;) {
    indices.push_back(i);
    if (__builtin_add_overflow(i, bounds.step, &i)) break;
  }
  return indices;
}

Text SliceText(const Text& text, const Bounds& bounds) {
  if (bounds.step == 1) {
    if (bounds.start >= bounds.stop) return {};
    const size_t begin = CharacterStart(text.bytes, static_cast<size_t>(bounds.start));
    const auto count = static_cast<size_t>(bounds.stop - bounds.start);
    return text.Slice(begin,
                      begin + CharacterStart(std::string_view(text.bytes).substr(begin), count));
  }
  const std::vector<Value> characters = Iterate(text);
  Text result;
  for (const int64_t i : Indices(bounds)) result.Append(characters[static_cast<size_t>(i)].text());
  return result;
}

/// container[index] of strings and sequences; nothing outside of them.
std::optional<Value> At(const Value& container, int64_t index) {
  if (container.IsSequence()) {
    const Sequence& sequence = container.sequence();
    const auto size = static_cast<int64_t>(sequence.items.size());
    if (index < 0) index += size;
    if (index < 0 || index >= size || sequence.form == Sequence::Form::kView) return std::nullopt;
    return sequence.items[static_cast<size_t>(index)];
  }
  const std::string& text = container.String();
  const auto size = static_cast<int64_t>(CountCharacters(text));
  if (index < 0) index += size;
  if (index < 0 || index >= size) return std::nullopt;
  const size_t begin = CharacterStart(text, static_cast<size_t>(index));
  return container.text().Slice(begin, NextCharacter(text, begin));
}

}  // namespace

void NeedDefined(const Value& value) {
  if (value.IsUndefined()) Fail("'" + value.undefined_name() + "' is undefined");
}

size_t NeedLength(const Value& value) {
  const std::optional<size_t> length = Length(value);
  if (!length) Fail("a value of type '" + value.TypeName() + "' has no length");
  return *length;
}

Value GetAttribute(Interpreter& run, const Value& value, const std::string& name) {
  NeedDefined(value);
  if (const Method method = FindMethod(value, name)) {
    return Value(std::make_shared<Function>([&run, method, value](const Arguments& arguments) {
      return method(run, value, arguments);
    }));
  }
  if (value.IsDict()) {
    if (const Value* item = value.dict().Find(std::string_view(name))) return *item;
  }
  if (value.IsObject()) {
    if (std::optional<Value> attribute = value.object().Attribute(name)) return *attribute;
  }
  return Value::UndefinedName(name);
}

Value GetItem(Interpreter& run, const Value& value, const Value& key) {
  NeedDefined(value);
  if (value.IsDict()) {
    if (const Value* item = value.dict().Find(key)) return *item;
  } else if ((value.IsSequence() || value.IsString()) && key.IsInt()) {
    if (std::optional<Value> item = At(value, key.Int())) return *item;
  }
  if (key.IsString()) {
    // What was looked for among the items is now looked for among the attributes.
    if (!value.IsDict() || FindMethod(value, key.String()) != nullptr) {
      return GetAttribute(run, value, key.String());
    }
  }
  return Value::UndefinedName(Repr(key));
}

Value GetPath(Interpreter& run, const Value& value, const Value& path) {
  if (!path.IsString()) return GetItem(run, value, path);
  Value at = value;
  std::string_view rest = path.String();
  while (true) {
    const size_t dot = rest.find('.');
    const std::string_view part = rest.substr(0, dot);
    int64_t index = 0;
    const auto end = part.data() + part.size();
    const bool number = !part.empty() && std::from_chars(part.data(), end, index).ptr == end;
    at = GetItem(run, at, number ? Value(index) : Value(part));
    if (dot == std::string_view::npos) return at;
    rest.remove_prefix(dot + 1);
  }
}

Value Slice(const Value& value, const Value& start, const Value& stop, const Value& step) {
  NeedDefined(value);
  if (!value.IsString() && !value.IsSequence()) return Value::UndefinedName("a slice");
  const Bounds bounds = BoundsOf(start, stop, step, static_cast<int64_t>(NeedLength(value)));
  if (value.IsString()) return SliceText(value.text(), bounds);
  const Sequence& sequence = value.sequence();
  if (sequence.form == Sequence::Form::kView) return Value::UndefinedName("a slice");
  Sequence result{.items = {}, .form = sequence.form};
  for (const int64_t i : Indices(bounds)) {
    result.items.push_back(sequence.items[static_cast<size_t>(i)]);
  }
  return result;
}

}  // namespace meap::jinja
