// Small helpers for JSON as simdjson reads it.
#pragma once

#include <simdjson.h>

#include <string_view>

namespace meap {

/// The value of a key in an object: of several equal keys the last one's, as Python and nlohmann
/// read them. False where there is none, or `object` is no object.
bool FindKey(simdjson::dom::element object, std::string_view key, simdjson::dom::element& value);

}  // namespace meap
