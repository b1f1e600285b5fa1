// Signals as wishes that a loop looks at: SIGINT and SIGTERM to save and stop, SIGUSR1 to save.
#pragma once

#include <optional>

#include "core/error.h"

namespace meap {

/// While it lives, SIGINT, SIGTERM and SIGUSR1 are noted instead of ending the process; a second
/// SIGINT or SIGTERM ends it at once.
class SignalGuard {
 public:
  SignalGuard();
  SignalGuard(const SignalGuard&) = delete;
  SignalGuard& operator=(const SignalGuard&) = delete;
  ~SignalGuard();

  /// The exit code of the signal that came (130 or 143), if one did.
  static std::optional<ExitCode> Requested();
  /// Throws an Error with that code, for work that has nothing to save when it stops.
  static void StopIfRequested();
  /// True once for each SIGUSR1 that came since the last call (several in between count as one).
  static bool TakeSaveRequest();
};

}  // namespace meap
