#include <algorithm>

#include "core/error.h"
#include "core/strings.h"
#include "data/parquet_library.h"
#include "data/parquet_plugin.h"
#include "data/reader_formats.h"

namespace meap::internal {
namespace {

class ParquetReader : public DocumentReader {
 public:
  ParquetReader(const fs::path& path, const ReaderOptions& options, std::atomic<uint64_t>* consumed)
      : path_(path),
        limit_(options.max_document_bytes),
        consumed_(consumed),
        file_bytes_(fs::file_size(path)) {
    const auto open =
        reinterpret_cast<OpenParquetColumn>(ParquetFunction(path, kParquetPluginSymbol));
    ParquetFile file;
    try {
      open(path.string(), options.text_field, file);
    } catch (const std::exception& error) {
      FailBrokenParquet(path.string(), error);
    }
    column_ = std::move(file.column);
    if (column_) return;
    const std::string near = NearestName(options.text_field, file.text_columns);
    throw InputError({.what = "the Parquet file has no text column of that name",
                      .where = path.string(),
                      .expected = "a column '" + options.text_field + "' of strings",
                      .got = file.text_columns.empty()
                                 ? "no column of strings"
                                 : "the columns " + Join(file.text_columns, ", "),
                      .hint = "name the column that holds the text: --text-field " +
                              (near.empty() ? std::string("NAME") : near)});
  }

  bool Next(std::string_view& text) override {
    while (true) {
      bool null = false;
      if (!Advance(text, null)) return false;
      if (null) {
        drops_.Add(DropReason::kNotString, Place());
      } else if (text.size() > limit_) {
        drops_.Add(DropReason::kTooLong, Place());
      } else if (Accept(text, Place())) {
        return true;
      }
    }
  }

 private:
  std::string Place() const { return path_.string() + ":" + std::to_string(column_->row()); }

  bool Advance(std::string_view& text, bool& null) {
    try {
      const bool more = column_->Next(text, null);
      CountBytes(more);
      return more;
    } catch (const std::exception& error) {
      FailBrokenParquet(path_.string() + ", after row " + std::to_string(column_->row()), error);
    }
  }

  /// Arrow does its own reading: bytes are counted by the share of rows.
  void CountBytes(bool more) {
    if (consumed_ == nullptr) return;
    const double share = static_cast<double>(column_->row()) /
                         static_cast<double>(std::max<uint64_t>(1, column_->rows()));
    const uint64_t now =
        more ? static_cast<uint64_t>(share * static_cast<double>(file_bytes_)) : file_bytes_;
    *consumed_ += now - counted_;
    counted_ = now;
  }

  fs::path path_;
  size_t limit_;
  std::atomic<uint64_t>* consumed_;
  uint64_t file_bytes_;
  uint64_t counted_ = 0;
  std::unique_ptr<ParquetColumn> column_;
};

}  // namespace

std::unique_ptr<DocumentReader> OpenParquet(const fs::path& path, const ReaderOptions& options,
                                            std::atomic<uint64_t>* consumed) {
  OpenByteSource(path, Compression::kNone);  // missing or unreadable: the error all readers give
  return std::make_unique<ParquetReader>(path, options, consumed);
}

}  // namespace meap::internal
