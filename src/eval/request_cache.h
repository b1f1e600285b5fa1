// Finished requests on disk, so that a stopped evaluation goes on where it was.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/files.h"
#include "eval/request.h"

namespace meap {

/// A file with a line for each finished request, which only grows. Lines of other models lie in the
/// same file in peace. Not thread-safe; several processes may append at once.
class RequestCache {
 public:
  /// Reads the file, if there is one. A last line without its end (a process that died writing) is
  /// cut off; other lines that are none of ours are passed over with a warning. A file that
  /// cannot be written: WorkError.
  explicit RequestCache(fs::path file);
  RequestCache(const RequestCache&) = delete;
  RequestCache& operator=(const RequestCache&) = delete;
  ~RequestCache();

  /// The response under a RequestKey, or nullptr.
  const Response* Find(const std::string& key) const;

  /// Adds responses in one write: a process that is killed leaves all of them or none. Disk full:
  /// WorkError.
  void Append(std::span<const std::pair<std::string, Response>> entries);

 private:
  void Read();

  fs::path file_;
  int descriptor_ = -1;
  std::unordered_map<std::string, Response> responses_;
};

}  // namespace meap
