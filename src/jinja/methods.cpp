// Methods of str, dict and list.
#include <algorithm>
#include <array>

#include "jinja/characters.h"
#include "jinja/library.h"

namespace meap::jinja {
namespace {

struct Entry {
  std::string_view name;
  Method method;
};

const std::string& NeedString(const Value& value, const char* function) {
  if (!value.IsString()) {
    Fail(std::string(function) + "() takes a str, not '" + value.TypeName() + "'");
  }
  return value.String();
}

int64_t IntOr(const std::optional<Value>& value, int64_t otherwise) {
  if (!value || value->IsNone()) return otherwise;
  if (!value->IsInt()) Fail("expected an int, not '" + value->TypeName() + "'");
  return value->Int();
}

template <bool kLeft, bool kRight>
Value StripMethod(Interpreter&, const Value& self, const Arguments& arguments) {
  arguments.Check("strip", 1, {});
  return Strip(self.text(), arguments.Get(0, "").value_or(None{}), kLeft, kRight);
}

template <std::string (*kChange)(std::string_view)>
Value CaseMethod(Interpreter& run, const Value& self, const Arguments& arguments) {
  arguments.Check("upper, lower, title or capitalize", 0, {});
  run.CountBytes(self.String().size());
  Text text{kChange(self.String())};
  // A change of case moves nothing as long as no character changes its length.
  if (text.bytes.size() == self.String().size()) text.marks = self.text().marks;
  return text;
}

template <bool kStart>
Value AffixMethod(Interpreter&, const Value& self, const Arguments& arguments) {
  const char* name = kStart ? "startswith" : "endswith";
  arguments.Check(name, 1, {});
  const Value affix = arguments.Need(0, "", name);
  const auto has = [&](const Value& value) {
    const std::string& text = NeedString(value, name);
    return kStart ? self.String().starts_with(text) : self.String().ends_with(text);
  };
  if (!affix.IsSequence()) return has(affix);
  const std::vector<Value>& items = affix.sequence().items;
  return std::any_of(items.begin(), items.end(), has);
}

template <bool kPrefix>
Value RemoveAffix(Interpreter&, const Value& self, const Arguments& arguments) {
  const char* name = kPrefix ? "removeprefix" : "removesuffix";
  arguments.Check(name, 1, {});
  const std::string affix = NeedString(arguments.Need(0, "", name), name);
  const Text& text = self.text();
  const size_t size = text.bytes.size();
  if (kPrefix && text.bytes.starts_with(affix)) return text.Slice(affix.size(), size);
  if (!kPrefix && text.bytes.ends_with(affix)) return text.Slice(0, size - affix.size());
  return self;
}

Value ReplaceMethod(Interpreter& run, const Value& self, const Arguments& arguments) {
  arguments.Check("replace", 3, {"count"});
  const std::string from = NeedString(arguments.Need(0, "", "replace"), "replace");
  const Value to = arguments.Need(1, "", "replace");
  NeedString(to, "replace");
  return Replace(run, self.text(), from, to.text(), IntOr(arguments.Get(2, "count"), -1));
}

/// Parts between white space; the last one is all that is left once `most` cuts are made.
std::vector<Value> SplitAtSpace(const Text& text, int64_t most) {
  std::vector<Value> parts;
  const std::string_view bytes = text.bytes;
  size_t at = LeadingSpace(bytes);
  for (; most != 0 && at < bytes.size(); --most) {
    size_t end = at;
    while (end < bytes.size() && !IsSpace(CodePoint(bytes, end))) end = NextCharacter(bytes, end);
    parts.emplace_back(text.Slice(at, end));
    at = end + LeadingSpace(bytes.substr(end));
  }
  if (at < bytes.size()) parts.emplace_back(text.Slice(at, bytes.size()));
  return parts;
}

std::vector<Value> SplitAt(const Text& text, const std::string& separator, int64_t most) {
  std::vector<Value> parts;
  size_t at = 0;
  for (; most != 0; --most) {
    const size_t found = text.bytes.find(separator, at);
    if (found == std::string::npos) break;
    parts.emplace_back(text.Slice(at, found));
    at = found + separator.size();
  }
  parts.emplace_back(text.Slice(at, text.bytes.size()));
  return parts;
}

std::vector<Value> SplitAtFromRight(const Text& text, const std::string& separator, int64_t most) {
  std::vector<Value> parts;
  size_t end = text.bytes.size();
  for (; most != 0 && end >= separator.size(); --most) {
    const size_t found = text.bytes.rfind(separator, end - separator.size());
    if (found == std::string::npos) break;
    parts.emplace_back(text.Slice(found + separator.size(), end));
    end = found;
  }
  parts.emplace_back(text.Slice(0, end));
  std::reverse(parts.begin(), parts.end());
  return parts;
}

template <bool kFromRight>
Value SplitMethod(Interpreter& run, const Value& self, const Arguments& arguments) {
  arguments.Check("split", 2, {"sep", "maxsplit"});
  const Value separator = arguments.Get(0, "sep").value_or(None{});
  const int64_t most = IntOr(arguments.Get(1, "maxsplit"), -1);
  run.CountBytes(self.String().size() * sizeof(Value));
  if (separator.IsNone()) {
    if (kFromRight && most >= 0) FailUnsupported("rsplit() at white space with maxsplit");
    return Sequence{SplitAtSpace(self.text(), most)};
  }
  const std::string& text = NeedString(separator, "split");
  if (text.empty()) Fail("split() with an empty separator");
  return Sequence{kFromRight ? SplitAtFromRight(self.text(), text, most)
                             : SplitAt(self.text(), text, most)};
}

Value SplitLines(Interpreter& run, const Value& self, const Arguments& arguments) {
  arguments.Check("splitlines", 1, {"keepends"});
  const std::optional<Value> keep = arguments.Get(0, "keepends");
  run.CountBytes(self.String().size() * sizeof(Value));
  const std::string_view bytes = self.String();
  Sequence lines;
  for (size_t begin = 0; begin < bytes.size();) {
    size_t end = begin;
    const auto breaks = [&](uint32_t c) {
      return (c >= 0x0A && c <= 0x0D) || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 ||
             c == 0x2029;
    };
    while (end < bytes.size() && !breaks(CodePoint(bytes, end))) end = NextCharacter(bytes, end);
    size_t next = end < bytes.size() ? NextCharacter(bytes, end) : end;
    if (bytes.substr(end).starts_with("\r\n")) next = end + 2;
    lines.items.emplace_back(self.text().Slice(begin, keep && keep->Truth() ? next : end));
    begin = next;
  }
  return lines;
}

Value JoinMethod(Interpreter& run, const Value& self, const Arguments& arguments) {
  arguments.Check("join", 1, {});
  Text text;
  bool first = true;
  for (const Value& item : Iterate(arguments.Need(0, "", "join"))) {
    NeedString(item, "join");
    if (!first) text.Append(self.text());
    first = false;
    text.Append(item.text());
    run.CountBytes(self.String().size() + item.String().size());
  }
  return text;
}

template <bool kLast, bool kMustFind>
Value FindSubstring(Interpreter&, const Value& self, const Arguments& arguments) {
  arguments.Check("find", 1, {});
  const std::string part = NeedString(arguments.Need(0, "", "find"), "find");
  const std::string& text = self.String();
  const size_t at = kLast ? text.rfind(part) : text.find(part);
  if (at != std::string::npos) return CountCharacters(std::string_view(text).substr(0, at));
  if (kMustFind) Fail("substring not found");
  return -1;
}

Value CountSubstring(Interpreter&, const Value& self, const Arguments& arguments) {
  arguments.Check("count", 1, {});
  const std::string part = NeedString(arguments.Need(0, "", "count"), "count");
  if (part.empty()) return CountCharacters(self.String()) + 1;
  int64_t count = 0;
  for (size_t at = 0; (at = self.String().find(part, at)) != std::string::npos; ++count) {
    at += part.size();
  }
  return count;
}

template <bool (*kClass)(uint32_t)>
Value AllCharacters(Interpreter&, const Value& self, const Arguments& arguments) {
  arguments.Check("isspace, isalpha or isdecimal", 0, {});
  const std::string& text = self.String();
  for (size_t at = 0; at < text.size(); at = NextCharacter(text, at)) {
    if (!kClass(CodePoint(text, at))) return false;
  }
  return !text.empty();
}

Value DigitsMethod(Interpreter& run, const Value& self, const Arguments& arguments) {
  for (const char c : self.String()) {
    if (static_cast<uint8_t>(c) >= 0x80) FailUnsupported("isdigit() outside of ASCII");
  }
  return AllCharacters<IsDigit>(run, self, arguments);
}

constexpr Entry kStringMethods[] = {
    {"strip", StripMethod<true, true>},
    {"lstrip", StripMethod<true, false>},
    {"rstrip", StripMethod<false, true>},
    {"upper", CaseMethod<Upper>},
    {"lower", CaseMethod<Lower>},
    {"title", CaseMethod<Title>},
    {"capitalize", CaseMethod<Capitalize>},
    {"startswith", AffixMethod<true>},
    {"endswith", AffixMethod<false>},
    {"removeprefix", RemoveAffix<true>},
    {"removesuffix", RemoveAffix<false>},
    {"replace", ReplaceMethod},
    {"split", SplitMethod<false>},
    {"rsplit", SplitMethod<true>},
    {"splitlines", SplitLines},
    {"join", JoinMethod},
    {"find", FindSubstring<false, false>},
    {"rfind", FindSubstring<true, false>},
    {"index", FindSubstring<false, true>},
    {"rindex", FindSubstring<true, true>},
    {"count", CountSubstring},
    {"isspace", AllCharacters<IsSpace>},
    {"isalpha", AllCharacters<IsAlpha>},
    {"isdecimal", AllCharacters<IsDigit>},
    {"isdigit", DigitsMethod},
};
constexpr std::string_view kMissingStringMethods[] = {
    "casefold",   "center",   "encode",       "expandtabs", "format",    "format_map",
    "isalnum",    "isascii",  "isidentifier", "islower",    "isnumeric", "isprintable",
    "istitle",    "isupper",  "ljust",        "maketrans",  "partition", "rjust",
    "rpartition", "swapcase", "translate",    "zfill"};

template <int kPart>  // 0 keys, 1 values, 2 both
Value DictView(Interpreter&, const Value& self, const Arguments& arguments) {
  arguments.Check("items, keys or values", 0, {});
  Sequence view{.items = {}, .form = Sequence::Form::kView};
  for (const auto& [key, value] : self.dict().items) {
    if (kPart == 2) {
      view.items.emplace_back(Sequence{{key, value}, Sequence::Form::kTuple});
    } else {
      view.items.push_back(kPart == 0 ? key : value);
    }
  }
  return view;
}

Value DictGet(Interpreter&, const Value& self, const Arguments& arguments) {
  arguments.Check("get", 2, {});
  const Value* value = self.dict().Find(arguments.Need(0, "", "get"));
  return value != nullptr ? *value : arguments.Get(1, "").value_or(None{});
}

constexpr Entry kDictMethods[] = {
    {"items", DictView<2>}, {"keys", DictView<0>}, {"values", DictView<1>}, {"get", DictGet}};
constexpr std::string_view kMissingDictMethods[] = {"clear",   "copy",       "fromkeys", "pop",
                                                    "popitem", "setdefault", "update"};

Value ListIndex(Interpreter&, const Value& self, const Arguments& arguments) {
  arguments.Check("index", 1, {});
  const std::vector<Value>& items = self.sequence().items;
  const Value wanted = arguments.Need(0, "", "index");
  for (size_t i = 0; i < items.size(); ++i) {
    if (Equal(items[i], wanted)) return i;
  }
  Fail("the list does not hold the value");
}

Value ListCount(Interpreter&, const Value& self, const Arguments& arguments) {
  arguments.Check("count", 1, {});
  const std::vector<Value>& items = self.sequence().items;
  const Value wanted = arguments.Need(0, "", "count");
  return static_cast<int64_t>(std::count_if(
      items.begin(), items.end(), [&](const Value& item) { return Equal(item, wanted); }));
}

constexpr Entry kListMethods[] = {{"index", ListIndex}, {"count", ListCount}};
constexpr std::string_view kMissingListMethods[] = {
    "append", "clear", "copy", "extend", "insert", "pop", "remove", "reverse", "sort"};

template <size_t kCount, size_t kMissing>
Method Find(const Entry (&methods)[kCount], const std::string_view (&missing)[kMissing],
            std::string_view name, const char* type) {
  for (const Entry& entry : methods) {
    if (entry.name == name) return entry.method;
  }
  if (std::find(std::begin(missing), std::end(missing), name) != std::end(missing)) {
    FailUnsupported("method '" + std::string(name) + "' of " + type);
  }
  return nullptr;
}

}  // namespace

Method FindMethod(const Value& self, std::string_view name) {
  if (self.IsString()) return Find(kStringMethods, kMissingStringMethods, name, "str");
  if (self.IsDict()) return Find(kDictMethods, kMissingDictMethods, name, "dict");
  if (self.IsSequence()) return Find(kListMethods, kMissingListMethods, name, "list");
  return nullptr;
}

}  // namespace meap::jinja
