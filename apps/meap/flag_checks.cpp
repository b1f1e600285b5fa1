#include "flag_checks.h"

#include <cmath>
#include <functional>

namespace meap {
namespace {

/// `in_words` is what the help and the message say. CLI11's own ranges print the largest double in
/// full, and its unsigned numbers wrap.
CLI::Validator Number(const std::string& in_words, const std::function<bool(double)>& allowed) {
  const auto check = [=](const std::string& text) {
    double value = 0;
    const bool number = CLI::detail::lexical_cast(text, value) && std::isfinite(value);
    if (number && allowed(value)) return std::string();
    return "bad value\n  expected: " + in_words + "\n  got:      " + text;
  };
  return {[=](std::string& text) { return check(text); }, in_words};
}

}  // namespace

CLI::Validator AtLeast(int64_t least) {
  const auto smallest = static_cast<double>(least);
  return Number(std::to_string(least) + " or more",
                [=](double value) { return value >= smallest; });
}

CLI::Validator NumberFromZero() {
  return Number("0 or more", [](double value) { return value >= 0; });
}

CLI::Validator NumberAboveZero() {
  return Number("above 0", [](double value) { return value > 0; });
}

CLI::Validator Trimmed() {
  return {[](std::string& text) {
            CLI::detail::trim(text);
            return std::string();
          },
          "", "trimmed"};
}

}  // namespace meap
