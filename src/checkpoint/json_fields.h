// Typed access to the fields of a JSON object, with errors that name the file and the field.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace meap {

/// A view of one JSON object; `where` (a path) and `prefix` ("rope_parameters.") go into errors.
/// A field that is null counts as absent everywhere.
class JsonFields {
 public:
  JsonFields(const nlohmann::json& object, std::string where, std::string prefix = "");

  /// The field's value, or nullptr when it is absent or null.
  const nlohmann::json* Find(const std::string& name) const;
  /// True when the field is written, be it as null.
  bool Names(const std::string& name) const { return object_->contains(name); }

  /// An integer in [lowest, 2^31). Absent: the fallback, or an InputError when there is none.
  int64_t Integer(const std::string& name, std::optional<int64_t> fallback,
                  int64_t lowest = 1) const;
  /// A finite number above 0; and true or false. Absent: the fallback.
  double Positive(const std::string& name, double fallback) const;
  bool Flag(const std::string& name, bool fallback) const;

  /// The InputError that says what a field must be. `got` is the field's own value.
  [[noreturn]] void Fail(const std::string& name, std::string expected,
                         std::string hint = "") const;
  const std::string& where() const { return where_; }

 private:
  const nlohmann::json* object_;
  std::string where_;
  std::string prefix_;
};

/// Parses a text that must be one JSON object; otherwise an InputError with the byte of the fault.
nlohmann::json ParseJsonObject(std::string_view text, std::string_view where);

}  // namespace meap
