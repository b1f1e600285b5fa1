#include "core/json.h"

namespace meap {

bool FindKey(simdjson::dom::element object, std::string_view key, simdjson::dom::element& value) {
  simdjson::dom::object members;
  if (object.get_object().get(members) != simdjson::SUCCESS) return false;
  bool found = false;
  for (const auto& member : members) {
    if (member.key != key) continue;
    value = member.value;
    found = true;
  }
  return found;
}

}  // namespace meap
