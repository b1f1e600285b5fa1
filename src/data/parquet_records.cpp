#include "data/parquet_records.h"

#include <algorithm>

#include "data/byte_source.h"
#include "data/parquet_library.h"

namespace meap {
namespace {

class Records : public JsonRecordReader {
 public:
  Records(const fs::path& path, std::atomic<uint64_t>* consumed)
      : path_(path), consumed_(consumed), file_bytes_(fs::file_size(path)) {
    const auto open = reinterpret_cast<OpenParquetRowsFunction>(
        internal::ParquetFunction(path, kParquetRowsSymbol));
    try {
      open(path.string(), rows_);
    } catch (const std::exception& error) {
      internal::FailBrokenParquet(path.string(), error);
    }
  }

  bool Next(std::string_view& json) override {
    try {
      const bool more = rows_->Next(json_);
      CountBytes();
      json = json_;
      return more;
    } catch (const std::exception& error) {
      internal::FailBrokenParquet(path_.string() + ", after row " + std::to_string(rows_->row()),
                                  error);
    }
  }
  uint64_t line() const override { return rows_->row(); }

 private:
  /// Arrow does its own reading: bytes are counted by the share of rows.
  void CountBytes() {
    if (consumed_ == nullptr) return;
    const double share = static_cast<double>(rows_->row()) /
                         static_cast<double>(std::max<uint64_t>(1, rows_->rows()));
    const auto now = static_cast<uint64_t>(share * static_cast<double>(file_bytes_));
    *consumed_ += now - counted_;
    counted_ = now;
  }

  fs::path path_;
  std::atomic<uint64_t>* consumed_;
  uint64_t file_bytes_;
  uint64_t counted_ = 0;
  std::unique_ptr<ParquetRows> rows_;
  std::string json_;
};

}  // namespace

std::unique_ptr<JsonRecordReader> OpenParquetRecords(const fs::path& path,
                                                     std::atomic<uint64_t>* consumed) {
  OpenByteSource(path, Compression::kNone);  // missing or unreadable: the error all readers give
  return std::make_unique<Records>(path, consumed);
}

}  // namespace meap
