#include "core/error.h"

namespace meap {
namespace {

std::string Render(const ErrorParts& parts) {
  std::string text = parts.what;
  const auto add = [&text](const char* label, const std::string& value) {
    if (!value.empty()) text += std::string("\n  ") + label + value;
  };
  add("where:    ", parts.where);
  add("expected: ", parts.expected);
  add("got:      ", parts.got);
  add("try:      ", parts.hint);
  return text;
}

}  // namespace

Error::Error(ExitCode code, const ErrorParts& parts)
    : std::runtime_error(Render(parts)), code_(code), parts_(parts) {}

namespace internal {

void CheckFailed(const char* condition, const char* file, int line, const std::string& message) {
  throw std::logic_error(std::string("internal check failed: ") + condition + " at " + file + ":" +
                         std::to_string(line) + (message.empty() ? "" : ": " + message) +
                         "\nThis is a bug in meap; please report it with the command you ran.");
}

}  // namespace internal
}  // namespace meap
