#include "core/console.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace meap {
namespace {

std::atomic<bool> quiet{false};

bool TakesColor(int descriptor) {
  const char* terminal = std::getenv("TERM");
  return ::isatty(descriptor) != 0 && std::getenv("NO_COLOR") == nullptr && terminal != nullptr &&
         std::strcmp(terminal, "dumb") != 0;
}

std::string Print(const char* format, double value, const char* suffix) {
  char text[64];
  std::snprintf(text, sizeof text, format, value);
  return std::string(text) + suffix;
}

/// "120/s  ", or "84.0s each  " for what takes longer than a second.
std::string FormatPace(double rate) {
  if (rate <= 0) return "";
  return (rate < 1 ? FormatDuration(1 / rate) + " each" : FormatCount(rate) + "/s") + "  ";
}

}  // namespace

void SetQuiet(bool value) { quiet = value; }
bool IsQuiet() { return quiet; }

void Note(std::string_view text) {
  if (!quiet) std::fprintf(stderr, "%.*s\n", static_cast<int>(text.size()), text.data());
}

void Warn(std::string_view text) {
  std::fprintf(stderr, "warning: %.*s\n", static_cast<int>(text.size()), text.data());
}

bool StderrTakesColor() { return TakesColor(STDERR_FILENO); }
bool StdoutTakesColor() { return TakesColor(STDOUT_FILENO); }

std::string FormatDuration(double seconds) {
  char text[32];
  const int64_t whole = std::llround(seconds);
  if (seconds < 59.95) return Print("%.1f", seconds, "s");
  if (whole < 3600) {
    std::snprintf(text, sizeof text, "%dm%02ds", static_cast<int>(whole / 60),
                  static_cast<int>(whole % 60));
  } else {
    std::snprintf(text, sizeof text, "%lldh%02dm", static_cast<long long>(whole / 3600),
                  static_cast<int>(whole % 3600 / 60));
  }
  return text;
}

std::string FormatCount(double count) {
  if (count > 0 && count < 10 && count != static_cast<int>(count)) return Print("%.1f", count, "");
  if (count < 1e3) return Print("%.0f", count, "");
  if (count < 1e6) return Print("%.1f", count / 1e3, "k");
  if (count < 1e9) return Print("%.2f", count / 1e6, "M");
  return Print("%.2f", count / 1e9, "B");
}

std::string FormatBytes(double bytes) {
  if (bytes < 1024) return Print("%.0f", bytes, " B");
  if (bytes < 0x1p20) return Print("%.1f", bytes / 0x1p10, " KiB");
  if (bytes < 0x1p30) return Print("%.1f", bytes / 0x1p20, " MiB");
  return Print("%.2f", bytes / 0x1p30, " GiB");
}

ProgressBar::ProgressBar(std::string label, uint64_t total, std::string unit, uint64_t done)
    : label_(std::move(label)),
      unit_(std::move(unit)),
      total_(total),
      before_(done),
      done_(done),
      terminal_(::isatty(STDERR_FILENO) != 0) {
  if (!terminal_) last_draw_ = start_;
}

ProgressBar::~ProgressBar() { Finish(); }

void ProgressBar::Update(uint64_t done, std::string_view detail) {
  done_ = done;
  if (quiet) return;
  const auto now = Clock::now();
  const auto pause = terminal_ ? std::chrono::milliseconds(100) : std::chrono::milliseconds(10000);
  detail_ = detail;
  if (now - last_draw_ < pause) return;
  last_draw_ = now;
  Draw(detail, false);
}

void ProgressBar::Finish() {
  if (finished_ || quiet) return;
  finished_ = true;
  if (terminal_) std::fputs("\r\x1b[K", stderr);
  Draw(detail_, true);
}

void ProgressBar::Draw(std::string_view detail, bool final) {
  const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
  const double rate = seconds > 0 ? static_cast<double>(done_ - before_) / seconds : 0;
  std::string line = label_ + " ";
  if (total_ > 0) {
    constexpr int kWidth = 24;
    const double share = std::min(1.0, static_cast<double>(done_) / static_cast<double>(total_));
    const int filled = static_cast<int>(share * kWidth);
    if (terminal_ && !final) {
      line += "[" + std::string(filled, '=') + std::string(kWidth - filled, ' ') + "] ";
    }
    line += Print("%3.0f", share * 100, "% ");
    line +=
        FormatCount(static_cast<double>(done_)) + "/" + FormatCount(static_cast<double>(total_));
  } else {
    line += FormatCount(static_cast<double>(done_));
  }
  line += " " + unit_ + "  " + FormatPace(rate) + FormatDuration(seconds);
  if (total_ > done_ && rate > 0 && !final) {
    line += "  ETA " + FormatDuration(static_cast<double>(total_ - done_) / rate);
  }
  if (!detail.empty()) line += "  " + std::string(detail);
  std::fprintf(stderr, terminal_ && !final ? "\r\x1b[K%s" : "%s\n", line.c_str());
  std::fflush(stderr);
}

}  // namespace meap
