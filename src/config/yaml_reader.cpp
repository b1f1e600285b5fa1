#include "config/yaml_reader.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "config/override_value.h"
#include "core/error.h"
#include "core/files.h"
#include "core/strings.h"

namespace meap {

struct OptionSource::Value {
  YAML::Node node;
  std::string place;
};

OptionSource::OptionSource(std::string purpose) : purpose_(std::move(purpose)) {}
OptionSource::~OptionSource() = default;
OptionSource::OptionSource(OptionSource&&) noexcept = default;
OptionSource& OptionSource::operator=(OptionSource&&) noexcept = default;

namespace {

std::string PlaceOf(const std::string& file, const YAML::Mark& mark) {
  return fmt::format("{}:{}:{}", file, mark.line + 1, mark.column + 1);
}

YAML::Node ParseYaml(const std::string& text, const std::string& file) {
  try {
    return YAML::Load(text);
  } catch (const YAML::Exception& error) {
    throw InputError({.what = "broken YAML",
                      .where = PlaceOf(file, error.mark),
                      .got = error.msg,
                      .hint = "check the indentation and the quotes there; a text that begins with "
                              "* or another mark needs them: '*.jsonl'"});
  }
}

/// Pipes, and files that a shell redirects: their names tell no folder but the working one.
bool IsStream(const fs::path& path) {
  return path.string().starts_with("/dev/") || path.string().starts_with("/proc/") ||
         !fs::is_regular_file(path);
}

/// The text of a file; that of a stream is there once only and kept for who asks again.
std::string ReadOnce(const fs::path& path, const std::string& purpose) {
  static std::map<std::string, std::string> streams;
  const auto known = streams.find(path.string());
  if (known != streams.end()) return known->second;
  std::string text = ReadFile(path, purpose);
  if (IsStream(path)) streams[path.string()] = text;
  return text;
}

/// Calls add(dotted key, node, mark of the key) for every leaf of a nested map; `leaves` are the
/// keys of those before it.
template <class Add>
void Flatten(const YAML::Node& map, const std::string& prefix, const std::string& file,
             std::set<std::string>& leaves, Add&& add) {
  std::set<std::string> seen;
  for (const auto& entry : map) {
    if (!entry.first.IsScalar()) {
      throw InputError({.what = "a key that is no text",
                        .where = PlaceOf(file, entry.first.Mark()),
                        .expected = "lines such as `key: value` or nested maps"});
    }
    const auto name = entry.first.as<std::string>();
    const bool is_map = entry.second.IsMap();
    if (!seen.insert(name).second || (!is_map && !leaves.insert(prefix + name).second)) {
      throw InputError({.what = "key given twice: " + prefix + name,
                        .where = PlaceOf(file, entry.first.Mark()),
                        .hint = "keep one of the two"});
    }
    if (is_map) {
      Flatten(entry.second, prefix + name + ".", file, leaves, add);
    } else {
      add(prefix + name, entry.second, entry.first.Mark());
    }
  }
}

template <class Add>
void Flatten(const YAML::Node& map, const std::string& prefix, const std::string& file, Add&& add) {
  std::set<std::string> leaves;
  Flatten(map, prefix, file, leaves, add);
}

std::string Shown(const YAML::Node& node) {
  YAML::Emitter emitter;
  emitter << YAML::Flow << node;
  return emitter.c_str();
}

std::string RangeText(const OptionInfo& info) {
  if (!info.choices.empty()) return "one of " + Join(info.choices, ", ");
  if (info.min > -1e300 && info.max < 1e300) {
    return fmt::format("a value in [{}, {}{}", info.min, info.max, info.below_max ? ")" : "]");
  }
  if (info.min > -1e300) return fmt::format("at least {}", info.min);
  return fmt::format("at most {}", info.max);
}

[[noreturn]] void BadValue(const std::string& name, const YAML::Node& node,
                           const std::string& place, const std::string& expected,
                           const OptionInfo& info) {
  throw InputError({.what = "bad value for " + name,
                    .where = place,
                    .expected = expected,
                    .got = Shown(node),
                    .hint = info.help});
}

template <class T>
T Convert(const std::string& name, const YAML::Node& node, const std::string& place,
          const char* type, const OptionInfo& info) {
  try {
    if (node.IsScalar()) return node.as<T>();
  } catch (const YAML::Exception&) {
  }
  BadValue(name, node, place, type, info);
}

/// 1e3 and 5.0 are integers, too.
int64_t ToInteger(const std::string& name, const YAML::Node& node, const std::string& place,
                  const OptionInfo& info) {
  int64_t integer = 0;
  if (node.IsScalar() && YAML::convert<int64_t>::decode(node, integer)) return integer;
  const auto value = Convert<double>(name, node, place, "an integer", info);
  constexpr double kExact = 0x1p53;  // beyond it not every integer is a double
  if (value != std::floor(value) || std::abs(value) > kExact) {
    BadValue(name, node, place, "an integer", info);
  }
  return static_cast<int64_t>(value);
}

/// 1 and 0 beside YAML's words.
bool ToBool(const std::string& name, const YAML::Node& node, const std::string& place,
            const OptionInfo& info) {
  if (node.IsScalar() && (node.Scalar() == "1" || node.Scalar() == "0"))
    return node.Scalar() == "1";
  return Convert<bool>(name, node, place, "true or false", info);
}

void CheckRange(const std::string& name, double value, const YAML::Node& node,
                const std::string& place, const OptionInfo& info) {
  const bool inside = value >= info.min && value <= info.max &&
                      !(info.below_max && value >= info.max);  // NaN fails the first comparison
  if (!inside) BadValue(name, node, place, RangeText(info), info);
}

void CheckChoice(const std::string& name, const std::string& value, const YAML::Node& node,
                 const std::string& place, const OptionInfo& info) {
  const auto& choices = info.choices;
  if (choices.empty() || std::find(choices.begin(), choices.end(), value) != choices.end()) return;
  const std::string nearest = NearestName(value, choices);
  OptionInfo hinted = info;
  if (!nearest.empty()) hinted.help = "did you mean " + nearest + "?";
  BadValue(name, node, place, RangeText(info), hinted);
}

}  // namespace

void OptionSource::AddFile(const fs::path& path) {
  std::vector<fs::path> including;
  AddFile(path, including);
}

void OptionSource::AddFile(const fs::path& path, std::vector<fs::path>& including) {
  const std::string text = ReadOnce(path, purpose_);
  std::error_code unnamed;  // a pipe has no name to be included by
  const fs::path canonical = fs::weakly_canonical(path, unnamed);
  if (!unnamed && std::find(including.begin(), including.end(), canonical) != including.end()) {
    throw InputError({.what = purpose_ + " includes itself through base",
                      .where = path.string(),
                      .hint = "remove the base key of one of the files"});
  }
  including.push_back(canonical);
  const YAML::Node root = ParseYaml(text, path.string());
  if (root.IsMap() && root["base"] && !root["base"].IsNull()) {
    const YAML::Node base = root["base"];
    if (!base.IsScalar()) {
      throw InputError({.what = "bad value for base",
                        .where = PlaceOf(path.string(), base.Mark()),
                        .expected = "the name of one file",
                        .got = Shown(base),
                        .hint = "a file that is included can include another one"});
    }
    const fs::path folder = IsStream(path) ? fs::path() : path.parent_path();
    AddFile(folder / base.as<std::string>(), including);
  }
  AddText(text, path.string());
}

void OptionSource::AddText(const std::string& text, const std::string& where) {
  const YAML::Node root = ParseYaml(text, where);
  if (root.IsNull()) return;
  if (!root.IsMap()) {
    throw InputError({.what = "a " + purpose_ + " is a list of keys and values",
                      .where = where,
                      .expected = "lines such as `key: value` or nested maps"});
  }
  Flatten(root, "", where, [&](const std::string& key, const YAML::Node& node, const auto& mark) {
    if (key != "base") Set(key, Value{node, PlaceOf(where, mark)});
  });
}

void OptionSource::AddOverride(const std::string& word) {
  const size_t equals = word.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw InputError({.what = "cannot read an override",
                      .where = "command line",
                      .expected = "key=value",
                      .got = word,
                      .hint = "for example objective.mask_ratio=0.15"});
  }
  const std::string key = word.substr(0, equals);
  const std::string place = "command line: " + word;
  const std::string value = word.substr(equals + 1);
  const YAML::Node node = ParseYaml(OverrideYaml(value), place);
  if (node.IsMap()) {
    Flatten(node, key + ".", place,
            [&](const std::string& name, const YAML::Node& leaf, const auto&) {
              Set(name, Value{leaf, place});
            });
    return;
  }
  // An empty value (`key=`) clears a text; YAML would read it as null.
  Set(key, Value{IsBlank(value) ? YAML::Node("") : node, place});
}

void OptionSource::Set(const std::string& key, Value value) {
  if (value.node.IsNull()) {
    values_.erase(key);
    nulls_.insert_or_assign(key, std::move(value));
  } else {
    values_.insert_or_assign(key, std::move(value));
  }
}

std::vector<std::string> OptionSource::Keys() const {
  std::vector<std::string> keys;
  for (const auto& [key, value] : values_) keys.push_back(key);
  return keys;
}

bool OptionSource::Has(const std::string& key) const { return values_.contains(key); }

std::string OptionSource::Place(const std::string& key) const {
  const Value* value = Find(key);
  return value == nullptr ? "default" : value->place;
}

const OptionSource::Value* OptionSource::Find(const std::string& key) const {
  const auto found = values_.find(key);
  return found == values_.end() ? nullptr : &found->second;
}

void OptionSource::CheckKeys(const std::vector<OptionText>& known) const {
  std::vector<std::string> names;
  for (const OptionText& option : known) names.push_back(option.name);
  const std::set<std::string> set(names.begin(), names.end());
  const auto unknown = [&](const std::string& key, const std::string& place) {
    const std::string nearest = NearestName(key, names);
    throw InputError({.what = "unknown key " + key,
                      .where = place,
                      .hint = !nearest.empty()       ? "did you mean " + nearest + "?"
                              : purpose_ == "recipe" ? "`meap options` lists every key"
                                                     : "known keys: " + Join(names, ", ")});
  };
  for (const auto& [key, value] : values_) {
    if (!set.contains(key)) unknown(key, value.place);
  }
  for (const auto& [key, value] : nulls_) {
    const auto section = set.lower_bound(key + ".");  // `train:` with nothing in it
    const bool is_section = section != set.end() && section->starts_with(key + ".");
    if (!set.contains(key) && !is_section) unknown(key, value.place);
  }
}

void OptionSource::Setter::Visit(const std::string& name, std::string& value,
                                 const OptionInfo& info) {
  const Value* found = source_.Find(name);
  if (found == nullptr) return;
  value = Convert<std::string>(name, found->node, found->place, "text", info);
  CheckChoice(name, value, found->node, found->place, info);
}

void OptionSource::Setter::Visit(const std::string& name, bool& value, const OptionInfo& info) {
  const Value* found = source_.Find(name);
  if (found == nullptr) return;
  value = ToBool(name, found->node, found->place, info);
}

void OptionSource::Setter::Visit(const std::string& name, int64_t& value, const OptionInfo& info) {
  const Value* found = source_.Find(name);
  if (found == nullptr) return;
  value = ToInteger(name, found->node, found->place, info);
  CheckRange(name, static_cast<double>(value), found->node, found->place, info);
}

void OptionSource::Setter::Visit(const std::string& name, double& value, const OptionInfo& info) {
  const Value* found = source_.Find(name);
  if (found == nullptr) return;
  value = Convert<double>(name, found->node, found->place, "a number", info);
  CheckRange(name, value, found->node, found->place, info);
}

void OptionSource::Setter::Visit(const std::string& name, std::vector<std::string>& value,
                                 const OptionInfo& info) {
  const Value* found = source_.Find(name);
  if (found == nullptr) return;
  value.clear();
  if (found->node.IsScalar()) {  // a single text stands for a list of one, and none for none
    if (found->node.Scalar().empty()) return;
    value.push_back(found->node.as<std::string>());
    return;
  }
  for (const auto& item : found->node) {
    value.push_back(Convert<std::string>(name, item, found->place, "a list of texts", info));
  }
}

void OptionSource::Setter::Visit(const std::string& name, std::vector<double>& value,
                                 const OptionInfo& info) {
  const Value* found = source_.Find(name);
  if (found == nullptr) return;
  if (!found->node.IsSequence())
    BadValue(name, found->node, found->place, "a list of numbers", info);
  value.clear();
  for (const auto& item : found->node) {
    value.push_back(Convert<double>(name, item, found->place, "a list of numbers", info));
    CheckRange(name, value.back(), item, found->place, info);
  }
}

std::vector<std::pair<std::string, std::string>> FlatYaml(const std::filesystem::path& path) {
  const YAML::Node root = ParseYaml(ReadFile(path, "YAML file"), path.string());
  std::vector<std::pair<std::string, std::string>> values;
  if (!root.IsMap()) return values;
  Flatten(root, "", path.string(),
          [&](const std::string& key, const YAML::Node& node, const auto&) {
            values.emplace_back(key, node.IsScalar() ? node.as<std::string>() : Shown(node));
          });
  return values;
}

}  // namespace meap
