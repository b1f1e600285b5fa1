// Built as libmeap_parquet.so against Arrow's headers and libraries (cmake/Arrow.cmake), never into
// the data layer.
#include "data/parquet_plugin.h"

#include <parquet/column_reader.h>
#include <parquet/file_reader.h>
#include <parquet/properties.h>
#include <parquet/schema.h>

#include <array>

namespace meap {
namespace {

constexpr int64_t kBatch = 256;

bool IsText(const parquet::ColumnDescriptor& column) {
  return column.physical_type() == parquet::Type::BYTE_ARRAY && column.max_repetition_level() == 0;
}

class Column : public ParquetColumn {
 public:
  Column(std::unique_ptr<parquet::ParquetFileReader> file, int index)
      : file_(std::move(file)),
        index_(index),
        rows_(static_cast<uint64_t>(file_->metadata()->num_rows())),
        present_(file_->metadata()->schema()->Column(index)->max_definition_level()) {}

  bool Next(std::string_view& text, bool& null) override {
    while (level_ == levels_) {
      if (!Fill()) return false;
    }
    ++row_;
    null = definitions_[level_++] < present_;
    if (null) return true;
    const parquet::ByteArray& value = values_[value_++];
    text = {reinterpret_cast<const char*>(value.ptr), value.len};
    return true;
  }
  uint64_t row() const override { return row_; }
  uint64_t rows() const override { return rows_; }

 private:
  /// Reads the next values, at most to the end of a page: they stand in the page's memory.
  bool Fill() {
    while (!reader_ || !reader_->HasNext()) {
      if (group_ == file_->metadata()->num_row_groups()) return false;
      group_reader_ = file_->RowGroup(group_++);
      reader_ = std::static_pointer_cast<parquet::ByteArrayReader>(group_reader_->Column(index_));
    }
    int64_t values = 0;
    definitions_.fill(present_);  // a required column has no levels to read
    levels_ = reader_->ReadBatch(kBatch, definitions_.data(), nullptr, values_.data(), &values);
    level_ = 0;
    value_ = 0;
    return true;
  }

  std::unique_ptr<parquet::ParquetFileReader> file_;
  int index_;
  uint64_t rows_;
  int16_t present_;
  int group_ = 0;
  std::shared_ptr<parquet::RowGroupReader> group_reader_;
  std::shared_ptr<parquet::ByteArrayReader> reader_;
  std::array<int16_t, kBatch> definitions_{};
  std::array<parquet::ByteArray, kBatch> values_{};
  int64_t levels_ = 0;
  size_t value_ = 0;
  int64_t level_ = 0;
  uint64_t row_ = 0;
};

}  // namespace
}  // namespace meap

extern "C" __attribute__((visibility("default"))) void MeapOpenParquetColumn(
    const std::string& path, const std::string& field, meap::ParquetFile& opened) {
  parquet::ReaderProperties properties;
  properties.enable_buffered_stream();  // page by page, not whole column chunks
  auto file = parquet::ParquetFileReader::OpenFile(path, /*memory_map=*/false, properties);
  const parquet::SchemaDescriptor* schema = file->metadata()->schema();
  int index = -1;
  for (int i = 0; i < schema->num_columns(); ++i) {
    const parquet::ColumnDescriptor* column = schema->Column(i);
    if (!meap::IsText(*column)) continue;
    opened.text_columns.push_back(column->path()->ToDotString());
    if (opened.text_columns.back() == field) index = i;
  }
  if (index >= 0) opened.column = std::make_unique<meap::Column>(std::move(file), index);
}
