// SIGINT and SIGTERM as a wish that a loop looks at, so that it can save before it stops.
#pragma once

#include <optional>

#include "core/error.h"

namespace meap {

/// While it lives, SIGINT and SIGTERM are noted instead of ending the process; a second one ends it
/// at once.
class SignalGuard {
 public:
  SignalGuard();
  SignalGuard(const SignalGuard&) = delete;
  SignalGuard& operator=(const SignalGuard&) = delete;
  ~SignalGuard();

  /// The exit code of the signal that came (130 or 143), if one did.
  static std::optional<ExitCode> Requested();
};

}  // namespace meap
