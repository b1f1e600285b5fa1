#include "checkpoint/json_fields.h"

#include <cmath>
#include <utility>

#include "core/error.h"

namespace meap {
namespace {

constexpr int64_t kHighest = 0x7FFFFFFF;  // the product of two such fits 64 bits

}  // namespace

JsonFields::JsonFields(const nlohmann::json& object, std::string where, std::string prefix)
    : object_(&object), where_(std::move(where)), prefix_(std::move(prefix)) {}

const nlohmann::json* JsonFields::Find(const std::string& name) const {
  const auto found = object_->find(name);
  return found == object_->end() || found->is_null() ? nullptr : &*found;
}

int64_t JsonFields::Integer(const std::string& name, std::optional<int64_t> fallback,
                            int64_t lowest) const {
  const nlohmann::json* value = Find(name);
  if (value == nullptr && fallback.has_value()) return *fallback;
  const bool fits =
      value != nullptr && value->is_number_integer() && *value >= lowest && *value <= kHighest;
  if (!fits) Fail(name, "an integer of at least " + std::to_string(lowest));
  return value->get<int64_t>();
}

double JsonFields::Positive(const std::string& name, double fallback) const {
  const nlohmann::json* value = Find(name);
  if (value == nullptr) return fallback;
  const double number = value->is_number() ? value->get<double>() : 0;
  if (!(number > 0) || !std::isfinite(number)) Fail(name, "a number above 0");
  return number;
}

bool JsonFields::Flag(const std::string& name, bool fallback) const {
  const nlohmann::json* value = Find(name);
  if (value == nullptr) return fallback;
  if (!value->is_boolean()) Fail(name, "true or false");
  return value->get<bool>();
}

void JsonFields::Fail(const std::string& name, std::string expected, std::string hint) const {
  const nlohmann::json* value = Find(name);
  std::string got = value != nullptr ? value->dump(-1, ' ', true) : "nothing";
  if (got.size() > 200) got = got.substr(0, 200) + "...";
  throw InputError(
      {.what = (value != nullptr ? "unsupported value of " : "missing field ") + prefix_ + name,
       .where = where_ + ", field " + prefix_ + name,
       .expected = std::move(expected),
       .got = std::move(got),
       .hint = std::move(hint)});
}

nlohmann::json ParseJsonObject(std::string_view text, std::string_view where) {
  std::string got;
  try {
    nlohmann::json object = nlohmann::json::parse(text);
    if (object.is_object()) return object;
    got = std::string("JSON of type ") + object.type_name();
  } catch (const nlohmann::json::parse_error& error) {
    got = "a syntax error at byte " + std::to_string(error.byte);
  } catch (const nlohmann::json::out_of_range&) {
    got = "a number too large for JSON's readers";
  }
  throw InputError({.what = "not a JSON object",
                    .where = std::string(where),
                    .expected = "one JSON object in UTF-8",
                    .got = got,
                    .hint = "the file may be damaged or cut short; fetch it again"});
}

}  // namespace meap
