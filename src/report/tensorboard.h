// Scalars for TensorBoard: an events file of our own writing, without its libraries.
#pragma once

#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/files.h"

namespace meap {

/// CRC-32C (Castagnoli) of a byte range, as TFRecord files use it.
uint32_t Crc32c(std::string_view bytes);

/// Appends scalar curves to a new events file in a folder. Not thread-safe.
class TensorBoardWriter {
 public:
  /// Makes the folder and begins a file in it. With `resume_step`, points of greater steps in the
  /// folder's older files are marked as void, so that no curve runs twice.
  TensorBoardWriter(const fs::path& folder, std::optional<int64_t> resume_step);
  TensorBoardWriter(const TensorBoardWriter&) = delete;
  TensorBoardWriter& operator=(const TensorBoardWriter&) = delete;
  ~TensorBoardWriter();

  /// One point at `step` of each named curve ("train/loss"), flushed. Disk full: WorkError.
  void AddScalars(int64_t step, const std::vector<std::pair<std::string, double>>& values);

  const fs::path& path() const { return path_; }

 private:
  void WriteEvent(int64_t step, std::string_view what);

  fs::path path_;
  std::FILE* file_ = nullptr;
};

}  // namespace meap
