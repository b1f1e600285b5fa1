// Parquet rows as JSON objects.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "core/files.h"
#include "data/json_records.h"

namespace meap {

/// Rows of an opened file as JSON, made by libmeap_parquet.so (see parquet_plugin.h).
class ParquetRows {
 public:
  virtual ~ParquetRows() = default;
  /// The next row as a JSON object: columns of strings, numbers, booleans, and of lists and structs
  /// of those. False at the end. A broken file is a std::runtime_error.
  virtual bool Next(std::string& json) = 0;
  /// Rows handed out, and rows in the file.
  virtual uint64_t row() const = 0;
  virtual uint64_t rows() const = 0;
};

/// The plugin's function, exported as kParquetRowsSymbol: opens `path` into `rows`.
using OpenParquetRowsFunction = void (*)(const std::string& path,
                                         std::unique_ptr<ParquetRows>& rows);
inline constexpr const char* kParquetRowsSymbol = "MeapOpenParquetRows";

/// Opens a Parquet file. No plugin, or a file that is no Parquet, is an InputError.
std::unique_ptr<JsonRecordReader> OpenParquetRecords(const fs::path& path,
                                                     std::atomic<uint64_t>* consumed);

}  // namespace meap
