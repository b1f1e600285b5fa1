// A program run beside ours, waited for.
#pragma once

#include <string>
#include <vector>

#include "core/files.h"

namespace meap {

/// The file of the program that runs.
fs::path OwnExecutable();

/// Runs words[0] (a path) with the other words. Its stdout is written to the file `out`, its stderr
/// is appended to `log`. A wish to stop (SignalGuard) is passed on as one SIGTERM, so that the
/// program can save its state; it also comes when this process dies. Returns the program's exit
/// code, 128 + N when signal N ended it. A program that cannot be started is a WorkError.
int RunChild(const std::vector<std::string>& words, const fs::path& out, const fs::path& log);

}  // namespace meap
