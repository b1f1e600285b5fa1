// Files that go into every report. They are part of the program, so that it needs none beside it.
#pragma once

#include <string>
#include <string_view>

#include "core/files.h"

namespace meap {

/// page.css and page.js.
std::string_view PageStyle();
std::string_view PageScript();

/// plotly.min.js: the `file` when it is named, else the one that was built in. A build without one,
/// or a file that is no plotly.js, is an InputError that says what to do.
std::string PlotlyScript(const fs::path& file);

}  // namespace meap
