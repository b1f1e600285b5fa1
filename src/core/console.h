// What people see while a command runs. Everything here goes to stderr; results alone go to stdout.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace meap {

/// Turns notes and progress off for the whole process (`--quiet`). Warnings stay.
void SetQuiet(bool quiet);
bool IsQuiet();

/// One line of information, and one line that begins with "warning: ".
void Note(std::string_view text);
void Warn(std::string_view text);

/// True when stderr (stdout) is a terminal that takes colours (NO_COLOR and TERM=dumb respected).
bool StderrTakesColor();
bool StdoutTakesColor();

/// "1h02m", "3m20s", "12.4s"; "1.24M", "37.8k"; "1.5 GiB".
std::string FormatDuration(double seconds);
std::string FormatCount(double count);
std::string FormatBytes(double bytes);

/// A bar with rate and ETA: redrawn in place on a terminal, a plain line every ten seconds
/// elsewhere, nothing with --quiet. Not thread-safe: call from one thread.
class ProgressBar {
 public:
  /// `total` 0 means unknown: then there is a counter and no bar. `done` was done before the bar
  /// began, as after a resume, and says nothing of the rate.
  ProgressBar(std::string label, uint64_t total, std::string unit, uint64_t done = 0);
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  ~ProgressBar();

  /// Sets how much is done; `detail` follows the bar (loss, file name, ...).
  void Update(uint64_t done, std::string_view detail = {});
  /// Removes the bar (terminal) or prints the last line (elsewhere). The destructor does it too.
  void Finish();

 private:
  using Clock = std::chrono::steady_clock;
  void Draw(std::string_view detail, bool final);

  std::string label_;
  std::string unit_;
  uint64_t total_;
  uint64_t before_;
  uint64_t done_;
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_draw_{};
  std::string detail_;
  bool terminal_;
  bool finished_ = false;
};

}  // namespace meap
