// What libmeap_parquet.so gives. Arrow is 50 MB of library that few runs need: it is loaded when
// the first Parquet file is opened, and meap runs without it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace meap {

/// The values of one text column, row after row.
class ParquetColumn {
 public:
  virtual ~ParquetColumn() = default;
  /// The next row's value, valid until the next call; `null` where there is none. False at the end.
  /// A broken file is a std::runtime_error.
  virtual bool Next(std::string_view& text, bool& null) = 0;
  /// Rows handed out, and rows in the file.
  virtual uint64_t row() const = 0;
  virtual uint64_t rows() const = 0;
};

/// An opened file: `column` is null where the field is not there or not text.
struct ParquetFile {
  std::unique_ptr<ParquetColumn> column;
  std::vector<std::string> text_columns;  // dotted names of all columns that hold text
};

/// The plugin's one function, exported as kParquetPluginSymbol: opens `path` and fills in `file`.
/// std::runtime_error when the file is no Parquet.
using OpenParquetColumn = void (*)(const std::string& path, const std::string& field,
                                   ParquetFile& file);
inline constexpr const char* kParquetPluginSymbol = "MeapOpenParquetColumn";
inline constexpr const char* kParquetPluginName = "libmeap_parquet.so";

}  // namespace meap
