// Functions that every template can call.
#include <ctime>

#include "jinja/library.h"
#include "jinja/template.h"

namespace meap::jinja {
namespace {

constexpr int64_t kLongestRange = 100'000;  // as in jinja2's sandbox

Value RaiseException(const Arguments& arguments) {
  throw Refusal(ToText(arguments.Need(0, "message", "raise_exception")).bytes);
}

Value StrftimeNow(const Arguments& arguments) {
  const std::string format = ToText(arguments.Need(0, "format", "strftime_now")).bytes;
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  ::localtime_r(&now, &local);
  std::string text(format.size() * 8 + 256, '\0');
  text.resize(std::strftime(text.data(), text.size(), format.c_str(), &local));
  return text;
}

Value Range(const Arguments& arguments) {
  arguments.Check("range", 3, {});
  std::vector<int64_t> bounds;
  for (const Value& value : arguments.positional) {
    if (!value.IsInt()) Fail("range() takes ints, not '" + value.TypeName() + "'");
    bounds.push_back(value.Int());
  }
  if (bounds.empty()) Fail("range() takes at least one argument");
  const int64_t start = bounds.size() > 1 ? bounds[0] : 0;
  const int64_t stop = bounds.size() > 1 ? bounds[1] : bounds[0];
  const int64_t step = bounds.size() > 2 ? bounds[2] : 1;
  if (step == 0) Fail("range() with a step of zero");
  Sequence range{.items = {}, .form = Sequence::Form::kRange};
  for (int64_t i = start; step > 0 ? i < stop : i > stop;) {
    range.items.emplace_back(i);
    if (static_cast<int64_t>(range.items.size()) > kLongestRange) {
      Fail("range() of more than " + std::to_string(kLongestRange) + " numbers");
    }
    if (__builtin_add_overflow(i, step, &i)) break;
  }
  return range;
}

Value MakeDict(const Arguments& arguments) {
  if (!arguments.positional.empty()) FailUnsupported("positional arguments of dict()");
  Dict dict;
  for (const auto& [name, value] : arguments.keyword) dict.Set(Value(name), value);
  return dict;
}

Value MakeNamespace(const Arguments& arguments) {
  auto result = std::make_shared<Namespace>();
  for (const Value& value : arguments.positional) {
    if (!value.IsDict()) Fail("namespace() takes a dict and keywords");
    for (const auto& [name, item] : value.dict().items) {
      result->SetAttribute(ToText(name).bytes, item);
    }
  }
  for (const auto& [name, value] : arguments.keyword) result->SetAttribute(name, value);
  return Value(std::move(result));
}

Value Unsupported(const Arguments&) { FailUnsupported("lipsum, cycler and joiner"); }

}  // namespace

std::optional<Value> Namespace::Attribute(std::string_view name) const {
  const auto found = attributes.find(name);
  return found == attributes.end() ? std::nullopt : std::optional(found->second);
}

const Value* FindGlobal(std::string_view name) {
  static const auto* const kGlobals = [] {
    auto* globals = new std::map<std::string, Value, std::less<>>();
    const auto add = [&](const char* key, Value (*body)(const Arguments&)) {
      (*globals)[key] = Value(std::make_shared<Function>(body));
    };
    add("raise_exception", RaiseException);
    add("strftime_now", StrftimeNow);
    add("range", Range);
    add("dict", MakeDict);
    add("namespace", MakeNamespace);
    for (const char* key : {"lipsum", "cycler", "joiner"}) add(key, Unsupported);
    return globals;
  }();
  const auto found = kGlobals->find(name);
  return found == kGlobals->end() ? nullptr : &found->second;
}

}  // namespace meap::jinja
