// A file that only grows, line by line, and survives a kill at any moment: what a long job has got
// so far.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "core/files.h"

namespace meap {

/// Appends lines to a file. Each goes out in one write(2), so a process that is killed leaves at
/// most one torn line, the last. Not thread-safe.
class LineLog {
 public:
  /// Opens the file, or begins it along with its folders, and locks it: another process that has it
  /// open is a WorkError, since both would do the same work. Whole lines that are there go to
  /// `each` without their line feed; a torn last line is cut off.
  LineLog(const fs::path& path, const std::function<void(std::string_view)>& each);
  LineLog(const LineLog&) = delete;
  LineLog& operator=(const LineLog&) = delete;
  ~LineLog();

  /// Adds a line, which must hold no line feed. Disk full: WorkError, and the file ends with the
  /// line before.
  void Append(std::string_view line);

 private:
  fs::path path_;
  int descriptor_ = -1;
  int64_t size_ = 0;  // bytes of whole lines
};

}  // namespace meap
