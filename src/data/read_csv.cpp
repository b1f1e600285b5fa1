#include <algorithm>

#include "core/error.h"
#include "core/strings.h"
#include "data/reader_formats.h"

namespace meap::internal {
namespace {

/// Records of RFC 4180: fields between commas, in quotes where they hold commas, quotes or line
/// breaks. Only the wanted field is kept, so that a record costs no more than its text.
class CsvRecords {
 public:
  enum class Status { kRecord, kBroken, kTooLong, kEnd };

  CsvRecords(std::unique_ptr<ByteSource> source, size_t max_field_bytes)
      : source_(std::move(source)), limit_(max_field_bytes), buffer_(size_t{1} << 17) {}

  /// Reads a record. `keep` says which field lands in `fields` (all with kAll).
  static constexpr size_t kAll = ~size_t{0};
  Status Next(size_t keep, std::vector<std::string>& fields, size_t& count) {
    record_line_ = line_;
    fields.clear();
    count = 0;
    int c = Get();
    if (c < 0) return Status::kEnd;
    blank_ = c == '\n' || c == '\r';
    Status status = Status::kRecord;
    while (true) {
      const bool kept = keep == kAll || keep == count;
      if (kept) fields.emplace_back();
      const Status field = ReadField(c, kept ? &fields.back() : nullptr);
      if (field != Status::kRecord) status = field;
      ++count;
      if (c == ',') {
        c = Get();
        continue;
      }
      // A carriage return alone ends a record too, as old files have it.
      if (c == '\r' && (c = Get()) != '\n' && c >= 0) --position_;
      return status;
    }
  }

  /// Line on which the last record began, from 1.
  uint64_t record_line() const { return record_line_; }
  /// True when it was an empty line.
  bool blank() const { return blank_; }

 private:
  int Get() {
    if (position_ == end_) {
      end_ = source_->Read(buffer_.data(), buffer_.size());
      position_ = 0;
      if (end_ == 0) return -1;
      if (!begun_) position_ = end_ - WithoutByteOrderMark({buffer_.data(), end_}).size();
      begun_ = true;
      if (position_ == end_) return Get();
    }
    const int c = static_cast<unsigned char>(buffer_[position_++]);
    if (c == '\n') ++line_;
    return c;
  }

  /// Reads one field that begins with `c`; leaves the character after it in `c`: a comma, the
  /// record's end ('\n', '\r' before it) or -1.
  Status ReadField(int& c, std::string* out) {
    Status status = Status::kRecord;
    const auto put = [&](int byte) {
      if (out == nullptr) return;
      if (out->size() < limit_) {
        out->push_back(static_cast<char>(byte));
      } else {
        status = Status::kTooLong;
      }
    };
    if (c == '"') {
      for (c = Get();; c = Get()) {
        if (c < 0) return Status::kBroken;  // the quote is never closed
        if (c == '"' && (c = Get()) != '"') break;
        put(c);
      }
      if (!EndsField(c)) status = Status::kBroken;
    }
    for (; !EndsField(c); c = Get()) put(c);
    return status;
  }

  static bool EndsField(int c) { return c == ',' || c == '\n' || c == '\r' || c < 0; }

  std::unique_ptr<ByteSource> source_;
  size_t limit_;
  std::vector<char> buffer_;
  size_t position_ = 0;
  size_t end_ = 0;
  bool begun_ = false;
  uint64_t line_ = 1;
  uint64_t record_line_ = 1;
  bool blank_ = false;
};

class CsvReader : public DocumentReader {
 public:
  CsvReader(std::unique_ptr<ByteSource> source, const fs::path& path, const ReaderOptions& options)
      : records_(std::move(source), options.max_document_bytes), path_(path) {
    std::vector<std::string> header;
    records_.Next(CsvRecords::kAll, header, columns_);
    const auto found = std::find(header.begin(), header.end(), options.text_field);
    column_ = static_cast<size_t>(found - header.begin());
    if (found != header.end()) return;
    const std::string near = NearestName(options.text_field, header);
    throw InputError({.what = "the CSV file has no column of that name",
                      .where = path.string() + ":1",
                      .expected = "a header row with the column '" + options.text_field + "'",
                      .got = header.empty() ? "an empty file" : "the columns " + Join(header, ", "),
                      .hint = "name the column that holds the text, e.g. --text-field " +
                              (!near.empty()    ? near
                               : header.empty() ? std::string("text")
                                                : header.front())});
  }

  bool Next(std::string_view& text) override {
    while (true) {
      size_t count = 0;
      const CsvRecords::Status status = records_.Next(column_, fields_, count);
      if (status == CsvRecords::Status::kEnd) return false;
      const std::string place = path_.string() + ":" + std::to_string(records_.record_line());
      if (status == CsvRecords::Status::kTooLong) {
        drops_.Add(DropReason::kTooLong, place);
      } else if (status == CsvRecords::Status::kBroken || count > columns_) {
        drops_.Add(DropReason::kBadCsv, place);
      } else if (fields_.empty()) {
        // A blank line is one empty field; with several columns it is no record at all.
        if (!records_.blank()) drops_.Add(DropReason::kMissingField, place);
      } else if (Accept(fields_.front(), place)) {
        text = fields_.front();
        return true;
      }
    }
  }

 private:
  CsvRecords records_;
  fs::path path_;
  std::vector<std::string> fields_;
  size_t columns_ = 0;
  size_t column_ = 0;
};

}  // namespace

std::unique_ptr<DocumentReader> OpenCsv(std::unique_ptr<ByteSource> source, const fs::path& path,
                                        const ReaderOptions& options) {
  return std::make_unique<CsvReader>(std::move(source), path, options);
}

}  // namespace meap::internal
