// Part of libmeap_parquet.so, built against Arrow's headers (cmake/Arrow.cmake): rows with nested
// columns, as instruction data has them, written as JSON.
#include <arrow/api.h>
#include <arrow/io/file.h>
#include <parquet/arrow/reader.h>

#include <nlohmann/json.hpp>
#include <stdexcept>

#include "data/parquet_records.h"

namespace meap {
namespace {

constexpr int64_t kBatch = 1024;

void Check(const arrow::Status& status) {
  if (!status.ok()) throw std::runtime_error(status.ToString());
}
template <typename T>
T Take(arrow::Result<T> result) {
  Check(result.status());
  return std::move(result).ValueUnsafe();
}

nlohmann::json Value(const arrow::Array& array, int64_t row);

template <typename List>
nlohmann::json ListValue(const arrow::Array& array, int64_t row) {
  const auto& list = static_cast<const List&>(array);
  nlohmann::json json = nlohmann::json::array();
  for (int64_t i = list.value_offset(row); i < list.value_offset(row + 1); ++i) {
    json.push_back(Value(*list.values(), i));
  }
  return json;
}

nlohmann::json Value(const arrow::Array& array, int64_t row) {
  if (array.IsNull(row)) return nullptr;
  switch (array.type_id()) {
    case arrow::Type::STRING:
      return static_cast<const arrow::StringArray&>(array).GetString(row);
    case arrow::Type::LARGE_STRING:
      return static_cast<const arrow::LargeStringArray&>(array).GetString(row);
    case arrow::Type::BOOL:
      return static_cast<const arrow::BooleanArray&>(array).Value(row);
    case arrow::Type::INT32:
      return static_cast<const arrow::Int32Array&>(array).Value(row);
    case arrow::Type::INT64:
      return static_cast<const arrow::Int64Array&>(array).Value(row);
    case arrow::Type::DOUBLE:
      return static_cast<const arrow::DoubleArray&>(array).Value(row);
    case arrow::Type::LIST:
      return ListValue<arrow::ListArray>(array, row);
    case arrow::Type::LARGE_LIST:
      return ListValue<arrow::LargeListArray>(array, row);
    case arrow::Type::STRUCT: {
      const auto& fields = static_cast<const arrow::StructArray&>(array);
      nlohmann::json json = nlohmann::json::object();
      for (int i = 0; i < fields.num_fields(); ++i) {
        json[fields.struct_type()->field(i)->name()] = Value(*fields.field(i), row);
      }
      return json;
    }
    default:
      return nullptr;  // dates, images, ...: no part of a conversation
  }
}

class Rows : public ParquetRows {
 public:
  explicit Rows(const std::string& path) {
    const auto file = Take(arrow::io::ReadableFile::Open(path));
    parquet::arrow::FileReaderBuilder builder;
    Check(builder.Open(file));
    parquet::ArrowReaderProperties properties;
    properties.set_batch_size(kBatch);
    reader_ = Take(builder.properties(properties)->Build());
    rows_ = static_cast<uint64_t>(reader_->parquet_reader()->metadata()->num_rows());
    batches_ = Take(reader_->GetRecordBatchReader());
  }

  bool Next(std::string& json) override {
    while (!batch_ || at_ == batch_->num_rows()) {
      Check(batches_->ReadNext(&batch_));
      at_ = 0;
      if (!batch_) return false;
    }
    nlohmann::json object = nlohmann::json::object();
    for (int i = 0; i < batch_->num_columns(); ++i) {
      object[batch_->schema()->field(i)->name()] = Value(*batch_->column(i), at_);
    }
    ++at_;
    ++row_;
    json = object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    return true;
  }
  uint64_t row() const override { return row_; }
  uint64_t rows() const override { return rows_; }

 private:
  std::unique_ptr<parquet::arrow::FileReader> reader_;
  std::shared_ptr<arrow::RecordBatchReader> batches_;
  std::shared_ptr<arrow::RecordBatch> batch_;
  int64_t at_ = 0;
  uint64_t row_ = 0;
  uint64_t rows_ = 0;
};

}  // namespace
}  // namespace meap

extern "C" __attribute__((visibility("default"))) void MeapOpenParquetRows(
    const std::string& path, std::unique_ptr<meap::ParquetRows>& rows) {
  rows = std::make_unique<meap::Rows>(path);
}
