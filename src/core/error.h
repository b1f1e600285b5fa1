// The one way a failure that the user can cause reaches the user.
#pragma once

#include <stdexcept>
#include <string>

namespace meap {

/// Process exit codes, as documented in `meap --help`.
enum class ExitCode : int {
  kDone = 0,           // the work was done
  kFailed = 1,         // the work failed (disk full, non-finite loss, ...)
  kUsage = 2,          // wrong usage, recipe or input
  kInterrupted = 130,  // stopped by SIGINT with the state saved
  kTerminated = 143,   // stopped by SIGTERM with the state saved
};

/// The five things a good error tells. Empty parts are left out of the message.
struct ErrorParts {
  std::string what = {};      // what went wrong, one sentence without a full stop
  std::string where = {};     // file, line, column, key, tensor: the place
  std::string expected = {};  // what would have been right
  std::string got = {};       // what was there instead
  std::string hint = {};      // what to try
};

/// A failure the user can cause or mend. `main` prints it and exits with `code()`.
class Error : public std::runtime_error {
 public:
  Error(ExitCode code, const ErrorParts& parts);
  ExitCode code() const { return code_; }
  const ErrorParts& parts() const { return parts_; }

 private:
  ExitCode code_;
  ErrorParts parts_;
};

/// Wrong usage, recipe or input: exit code 2.
class InputError : public Error {
 public:
  explicit InputError(const ErrorParts& parts) : Error(ExitCode::kUsage, parts) {}
};

/// The work itself failed although the input was right: exit code 1.
class WorkError : public Error {
 public:
  explicit WorkError(const ErrorParts& parts) : Error(ExitCode::kFailed, parts) {}
};

namespace internal {
[[noreturn]] void CheckFailed(const char* condition, const char* file, int line,
                              const std::string& message);
}  // namespace internal

}  // namespace meap

/// A broken invariant is a bug of ours, never an error for users: throws std::logic_error with the
/// place.
#define MEAP_CHECK(condition, message) \
  (static_cast<bool>(condition)        \
       ? void(0)                       \
       : ::meap::internal::CheckFailed(#condition, __FILE__, __LINE__, (message)))
