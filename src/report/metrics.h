// metrics.jsonl: one JSON object a line for everything a run measures.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/files.h"

namespace meap {

/// Appends objects to a metrics file, each on disk's doorstep (one write(2)) before Append returns.
class MetricsWriter {
 public:
  /// Without `resume_step` the file begins empty. With it, what the file holds is kept up to that
  /// step: a torn last line and every object with a greater `step` go, in one atomic change; so the
  /// file continues as if the run had never stopped. A missing file is begun. With `validates` the
  /// run stopped before it was done with validating at that step: such an object of it goes too.
  MetricsWriter(const fs::path& path, std::optional<int64_t> resume_step, bool validates = false);
  MetricsWriter(const MetricsWriter&) = delete;
  MetricsWriter& operator=(const MetricsWriter&) = delete;
  ~MetricsWriter();

  /// Writes one object in the order of its fields. Numbers read back bit for bit; NaN and infinity,
  /// which JSON lacks, become null. Disk full: WorkError, and the file ends with the line before.
  void Append(const nlohmann::ordered_json& object);

  /// Forces what was appended to disk.
  void Sync();

 private:
  fs::path path_;
  int descriptor_ = -1;
  int64_t size_ = 0;  // bytes of whole lines
};

/// True while a MetricsWriter, of whichever process, has the file open; nothing where the file
/// system cannot tell (it has no locks).
std::optional<bool> IsBeingWritten(const fs::path& path);

}  // namespace meap
