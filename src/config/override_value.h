// The values of `key=value` words.
#pragma once

#include <string>

namespace meap {

/// The value of a `key=value` word as YAML that means what was typed: a text that begins with a
/// character which says something else to YAML (a glob's *, and & ! % @ ` | > #) is put in quotes,
/// also as an item of a list or map. Everything else, broken YAML too, stays as it is.
std::string OverrideYaml(const std::string& value);

}  // namespace meap
