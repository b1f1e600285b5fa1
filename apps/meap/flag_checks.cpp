#include "flag_checks.h"

#include <charconv>
#include <cmath>
#include <functional>
#include <limits>

namespace meap {
namespace {

std::string Bad(const std::string& expected, const std::string& got) {
  return "bad value\n  expected: " + expected + "\n  got:      " + got;
}

/// CLI11 takes what does not fit for the largest number that does.
CLI::Validator Whole(uint64_t least, uint64_t most) {
  const std::string in_words = std::to_string(least) + " or more";
  const auto check = [=](const std::string& text) {
    uint64_t value = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    const bool number = stop == end && !text.empty();
    if (number && (error == std::errc::result_out_of_range || value > most)) {
      return Bad("at most " + std::to_string(most), text);
    }
    return number && value >= least ? std::string() : Bad(in_words, text);
  };
  return {[=](std::string& text) { return check(text); }, in_words};
}

/// `in_words` is what the help and the message say. CLI11's own ranges print the largest double in
/// full, and its unsigned numbers wrap.
CLI::Validator Number(const std::string& in_words, const std::function<bool(double)>& allowed) {
  const auto check = [=](const std::string& text) {
    double value = 0;
    const bool number = CLI::detail::lexical_cast(text, value) && std::isfinite(value);
    if (number && allowed(value)) return std::string();
    return Bad(in_words, text);
  };
  return {[=](std::string& text) { return check(text); }, in_words};
}

}  // namespace

CLI::Validator AtLeast(uint64_t least) {
  return Whole(least, static_cast<uint64_t>(std::numeric_limits<int64_t>::max()));
}

CLI::Validator SeedNumber() { return Whole(0, std::numeric_limits<uint64_t>::max()); }

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
