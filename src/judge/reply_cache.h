// Judges' replies on disk, by content: what was answered once is never asked again.
#pragma once

#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <unordered_map>

#include "core/line_log.h"

namespace meap {

/// A JSON Lines file of replies, one object a line: `key` and `reply`, and for people `judge`,
/// `model`, `usage`. Thread-safe.
class ReplyCache {
 public:
  /// Opens or begins the file. A torn last line is cut; a line that is no reply is an InputError.
  explicit ReplyCache(const fs::path& path);

  std::optional<std::string> Find(const std::string& key) const;
  /// Keeps a reply, in the file before it returns. A key that is there already stays as it is.
  void Store(const std::string& key, const std::string& reply,
             const nlohmann::ordered_json& about = nlohmann::ordered_json::object());

 private:
  void Read(std::string_view line, const fs::path& path);

  mutable std::mutex mutex_;
  std::unordered_map<std::string, std::string> replies_;
  size_t lines_ = 0;
  LineLog log_;
};

}  // namespace meap
