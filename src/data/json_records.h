// The JSON objects of a file, one after another: instruction data of every packing.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/files.h"

namespace meap {

/// A forward-only stream of JSON texts. Not thread-safe.
class JsonRecordReader {
 public:
  virtual ~JsonRecordReader() = default;
  /// The next record's text, not parsed yet, valid until the next call; empty where one was longer
  /// than the limit. False at the end.
  virtual bool Next(std::string_view& json) = 0;
  /// The line on which the record handed out last begins, from 1; its row in a Parquet file.
  virtual uint64_t line() const = 0;
};

/// Opens JSON Lines or one JSON array of objects (.json, .jsonl, .ndjson, also with .gz or .zst;
/// the first character tells which), or Parquet, whose rows become objects. Records above
/// `max_bytes` are passed over. Another kind of file, a torn array or stream: InputError.
std::unique_ptr<JsonRecordReader> OpenJsonRecords(const fs::path& path, size_t max_bytes,
                                                  std::atomic<uint64_t>* consumed = nullptr);

}  // namespace meap
