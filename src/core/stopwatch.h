// Wall-clock time of a stretch of work.
#pragma once

#include <chrono>

namespace meap {

class Stopwatch {
 public:
  /// Seconds since the start, or since the last Lap().
  double Seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }
  /// The same, and starts anew.
  double Lap() {
    const auto now = Clock::now();
    const double seconds = std::chrono::duration<double>(now - start_).count();
    start_ = now;
    return seconds;
  }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_ = Clock::now();
};

}  // namespace meap
