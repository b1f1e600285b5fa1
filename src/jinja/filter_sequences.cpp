// Filters that go over sequences.
#include <algorithm>

#include "jinja/characters.h"
#include "jinja/filters.h"
#include "jinja/library.h"

namespace meap::jinja {
namespace {

Value FirstFilter(Interpreter&, const Value& input, const Arguments&) {
  if (input.IsObject() && input.object().iterable()) {
    return input.object().Next().value_or(Value::UndefinedName("the first of no items"));
  }
  const std::vector<Value> items = Iterate(input);
  return items.empty() ? Value::UndefinedName("the first of no items") : items.front();
}

Value LastFilter(Interpreter&, const Value& input, const Arguments&) {
  if (input.IsObject()) Fail("a generator has no last item");
  const std::vector<Value> items = Iterate(input);
  return items.empty() ? Value::UndefinedName("the last of no items") : items.back();
}

Value ListFilter(Interpreter&, const Value& input, const Arguments&) {
  return Sequence{Iterate(input)};
}

Value ItemsFilter(Interpreter&, const Value& input, const Arguments&) {
  std::vector<Value> pairs;
  if (!input.IsUndefined()) {
    if (!input.IsDict()) Fail("items takes a dict, not '" + input.TypeName() + "'");
    for (const auto& [key, value] : input.dict().items) {
      pairs.emplace_back(Sequence{{key, value}, Sequence::Form::kTuple});
    }
  }
  return Value(std::make_shared<Generator>(std::move(pairs)));
}

Value JoinFilter(Interpreter& run, const Value& input, const Arguments& arguments) {
  arguments.Check("join", 2, {"d", "attribute"});
  const Text separator = ToText(arguments.Get(0, "d").value_or(""));
  const std::optional<Value> attribute = arguments.Get(1, "attribute");
  Text text;
  bool first = true;
  for (const Value& item : Iterate(input)) {
    if (!first) text.Append(separator);
    first = false;
    const bool whole = !attribute || attribute->IsNone();
    const Text part = ToText(whole ? item : GetPath(run, item, *attribute));
    run.CountBytes(separator.bytes.size() + part.bytes.size());
    text.Append(part);
  }
  return text;
}

Value ReverseFilter(Interpreter&, const Value& input, const Arguments&) {
  std::vector<Value> items = Iterate(input);
  std::reverse(items.begin(), items.end());
  if (!input.IsString()) return Value(std::make_shared<Generator>(std::move(items)));
  Text text;
  for (const Value& character : items) text.Append(character.text());
  return text;
}

Value MapFilter(Interpreter& run, const Value& input, const Arguments& arguments) {
  std::vector<Value> items = Iterate(input);
  const std::optional<Value> attribute = arguments.Get(SIZE_MAX, "attribute");
  if (arguments.positional.empty() && attribute) {
    arguments.Check("map", 0, {"attribute", "default"});
    const std::optional<Value> otherwise = arguments.Get(SIZE_MAX, "default");
    for (Value& item : items) {
      item = GetPath(run, item, *attribute);
      if (otherwise && item.IsUndefined()) item = *otherwise;
    }
  } else {
    const Value name = arguments.Need(0, "", "map");
    if (!name.IsString()) Fail("map() takes a filter's name or attribute=");
    Arguments rest = arguments;
    rest.positional.erase(rest.positional.begin());
    for (Value& item : items) item = run.ApplyFilter(name.String(), item, rest);
  }
  return Value(std::make_shared<Generator>(std::move(items)));
}

template <bool kKeep, bool kAttribute>
Value SelectFilter(Interpreter& run, const Value& input, const Arguments& arguments) {
  Arguments rest = arguments;
  Value attribute;
  if (kAttribute) {
    attribute = arguments.Need(0, "", "selectattr");
    rest.positional.erase(rest.positional.begin());
  }
  std::string test;
  if (!rest.positional.empty()) {
    test = ToText(rest.positional[0]).bytes;
    rest.positional.erase(rest.positional.begin());
  }
  std::vector<Value> kept;
  for (const Value& item : Iterate(input)) {
    const Value value = kAttribute ? GetPath(run, item, attribute) : item;
    const bool passes = test.empty() ? value.Truth() : run.ApplyTest(test, value, rest);
    if (passes == kKeep) kept.push_back(item);
  }
  return Value(std::make_shared<Generator>(std::move(kept)));
}

/// What sorting and comparing filters look at: the attribute, in lower case unless asked not to.
class Key {
 public:
  Key(Interpreter& run, std::optional<Value> attribute, bool case_sensitive)
      : run_(run), attribute_(std::move(attribute)), case_sensitive_(case_sensitive) {
    if (attribute_ && attribute_->IsNone()) attribute_.reset();
    if (attribute_ && attribute_->IsString() && attribute_->String().find(',') != std::string::npos)
      FailUnsupported("several attributes to sort by");
  }
  Value operator()(const Value& item) const {
    const Value value = attribute_ ? GetPath(run_, item, *attribute_) : item;
    if (case_sensitive_ || !value.IsString()) return value;
    return Lower(value.String());
  }

 private:
  Interpreter& run_;
  std::optional<Value> attribute_;
  bool case_sensitive_;
};

bool Flag(const Arguments& arguments, size_t index, const char* name) {
  const std::optional<Value> value = arguments.Get(index, name);
  return value && value->Truth();
}

void Sort(std::vector<Value>& items, bool reverse, const Key& key) {
  std::vector<std::pair<Value, Value>> keyed;
  for (const Value& item : items) keyed.emplace_back(key(item), item);
  std::stable_sort(keyed.begin(), keyed.end(), [&](const auto& a, const auto& b) {
    return reverse ? Less(b.first, a.first) : Less(a.first, b.first);
  });
  for (size_t i = 0; i < items.size(); ++i) items[i] = keyed[i].second;
}

Value SortFilter(Interpreter& run, const Value& input, const Arguments& arguments) {
  arguments.Check("sort", 3, {"reverse", "case_sensitive", "attribute"});
  std::vector<Value> items = Iterate(input);
  Sort(items, Flag(arguments, 0, "reverse"),
       Key(run, arguments.Get(2, "attribute"), Flag(arguments, 1, "case_sensitive")));
  return Sequence{std::move(items)};
}

Value DictSortFilter(Interpreter& run, const Value& input, const Arguments& arguments) {
  arguments.Check("dictsort", 3, {"case_sensitive", "by", "reverse"});
  if (!input.IsDict()) Fail("dictsort takes a dict, not '" + input.TypeName() + "'");
  const std::string by = ToText(arguments.Get(1, "by").value_or("key")).bytes;
  if (by != "key" && by != "value") Fail("dictsort sorts by key or value, not '" + by + "'");
  std::vector<Value> pairs;
  for (const auto& [key, value] : input.dict().items) {
    pairs.emplace_back(Sequence{{key, value}, Sequence::Form::kTuple});
  }
  Sort(pairs, Flag(arguments, 2, "reverse"),
       Key(run, Value(by == "key" ? 0 : 1), Flag(arguments, 0, "case_sensitive")));
  return Sequence{std::move(pairs)};
}

Value UniqueFilter(Interpreter& run, const Value& input, const Arguments& arguments) {
  arguments.Check("unique", 2, {"case_sensitive", "attribute"});
  const Key key(run, arguments.Get(1, "attribute"), Flag(arguments, 0, "case_sensitive"));
  std::vector<Value> kept;
  std::vector<Value> seen;
  for (const Value& item : Iterate(input)) {
    const Value name = key(item);
    const bool known = std::any_of(seen.begin(), seen.end(),
                                   [&](const Value& other) { return Equal(other, name); });
    if (known) continue;
    seen.push_back(name);
    kept.push_back(item);
    run.CountBytes(seen.size());
  }
  return Value(std::make_shared<Generator>(std::move(kept)));
}

template <bool kLargest>
Value ExtremeFilter(Interpreter& run, const Value& input, const Arguments& arguments) {
  arguments.Check("min or max", 2, {"case_sensitive", "attribute"});
  const Key key(run, arguments.Get(1, "attribute"), Flag(arguments, 0, "case_sensitive"));
  std::optional<Value> best;
  for (const Value& item : Iterate(input)) {
    if (!best || (kLargest ? Less(key(*best), key(item)) : Less(key(item), key(*best)))) {
      best = item;
    }
  }
  return best.value_or(Value::UndefinedName("the extreme of no items"));
}

Value SumFilter(Interpreter& run, const Value& input, const Arguments& arguments) {
  arguments.Check("sum", 2, {"attribute", "start"});
  const std::optional<Value> attribute = arguments.Get(0, "attribute");
  Value total = arguments.Get(1, "start").value_or(0);
  for (const Value& item : Iterate(input)) {
    const bool whole = !attribute || attribute->IsNone();
    total = Arithmetic(run, "+", total, whole ? item : GetPath(run, item, *attribute));
  }
  return total;
}

constexpr FilterEntry kFilters[] = {
    {"first", FirstFilter},
    {"last", LastFilter},
    {"list", ListFilter},
    {"items", ItemsFilter},
    {"join", JoinFilter},
    {"reverse", ReverseFilter},
    {"map", MapFilter},
    {"select", SelectFilter<true, false>},
    {"reject", SelectFilter<false, false>},
    {"selectattr", SelectFilter<true, true>},
    {"rejectattr", SelectFilter<false, true>},
    {"sort", SortFilter},
    {"dictsort", DictSortFilter},
    {"unique", UniqueFilter},
    {"min", ExtremeFilter<false>},
    {"max", ExtremeFilter<true>},
    {"sum", SumFilter},
};

}  // namespace

std::span<const FilterEntry> SequenceFilters() { return kFilters; }

}  // namespace meap::jinja
