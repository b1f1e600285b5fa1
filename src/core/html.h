// Text in HTML.
#pragma once

#include <string>
#include <string_view>

namespace meap {

/// A text with &, <, >, " as entities.
std::string Escaped(std::string_view text);

}  // namespace meap
