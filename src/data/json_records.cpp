#include "data/json_records.h"

#include <algorithm>
#include <vector>

#include "core/error.h"
#include "core/strings.h"
#include "data/line_reader.h"
#include "data/parquet_records.h"
#include "data/reader_formats.h"

namespace meap {
namespace {

constexpr size_t kChunk = size_t{1} << 16;

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

/// A source whose first bytes have been looked at: they come again.
class Rewound : public ByteSource {
 public:
  Rewound(std::string first, std::unique_ptr<ByteSource> rest)
      : first_(std::move(first)), rest_(std::move(rest)) {}

  size_t Read(char* out, size_t size) override {
    if (given_ == first_.size()) return rest_->Read(out, size);
    const size_t count = std::min(size, first_.size() - given_);
    first_.copy(out, count, given_);
    given_ += count;
    return count;
  }

 private:
  std::string first_;
  std::unique_ptr<ByteSource> rest_;
  size_t given_ = 0;
};

class Lines : public JsonRecordReader {
 public:
  Lines(std::unique_ptr<ByteSource> source, size_t max_bytes)
      : lines_(std::move(source), max_bytes) {}

  bool Next(std::string_view& json) override {
    while (true) {
      const LineReader::Status status = lines_.Next(json);
      if (status == LineReader::Status::kEnd) return false;
      if (status == LineReader::Status::kTooLong) return true;
      if (!std::all_of(json.begin(), json.end(), IsBlank)) return true;
    }
  }
  uint64_t line() const override { return lines_.line_number(); }

 private:
  LineReader lines_;
};

/// The elements of one array, found by their brackets; parsing them is the caller's.
class Array : public JsonRecordReader {
 public:
  Array(std::unique_ptr<ByteSource> source, const fs::path& path, size_t max_bytes)
      : source_(std::move(source)), path_(path), limit_(max_bytes), buffer_(kChunk) {
    while (Get() != '[') {  // a byte order mark and white space
    }
  }

  bool Next(std::string_view& json) override {
    if (!FindStart()) return false;
    start_line_ = line_;
    element_.clear();
    while (!AtEnd(Peek())) Take(Get());
    while (!element_.empty() && IsBlank(element_.back())) element_.pop_back();
    json = element_.size() > limit_ ? std::string_view() : element_;
    return true;
  }
  uint64_t line() const override { return start_line_; }

 private:
  /// Moves to the next element's first byte; false after the array's end.
  bool FindStart() {
    if (done_) return false;
    bool comma = first_;
    while (IsBlank(Peek()) || (Peek() == ',' && !comma)) comma = Get() == ',' || comma;
    if (Peek() == ']' && (first_ || !comma)) {
      Get();
      done_ = true;
      CheckNothingFollows();
      return false;
    }
    if (!comma || Peek() == ',' || Peek() == ']') {
      Fail("a ',' between two values", std::string("'") + Peek() + "'");
    }
    first_ = false;
    return true;
  }

  bool AtEnd(char c) const { return !in_string_ && depth_ == 0 && (c == ',' || c == ']'); }

  void Take(char c) {
    if (element_.size() <= limit_) element_ += c;
    if (in_string_) {
      if (escaped_) {
        escaped_ = false;
      } else if (c == '\\') {
        escaped_ = true;
      } else if (c == '"') {
        in_string_ = false;
      }
    } else if (c == '"') {
      in_string_ = true;
    } else if (c == '{' || c == '[') {
      ++depth_;
    } else if (c == '}' || c == ']') {
      --depth_;
    }
  }

  char Peek() {
    if (at_ == size_ && !Fill()) {
      Fail("a ']' that ends the array", "the end of the file");
    }
    return buffer_[at_];
  }
  char Get() {
    const char c = Peek();
    ++at_;
    if (c == '\n') ++line_;
    return c;
  }
  bool Fill() {
    at_ = 0;
    size_ = source_->Read(buffer_.data(), buffer_.size());
    return size_ > 0;
  }
  void CheckNothingFollows() {
    while (at_ < size_ || Fill()) {
      if (!IsBlank(Get())) Fail("nothing after the array", "more text");
    }
  }
  [[noreturn]] void Fail(const std::string& expected, const std::string& got) const {
    throw InputError({.what = "broken JSON array",
                      .where = path_.string() + ":" + std::to_string(line_),
                      .expected = expected,
                      .got = got,
                      .hint = "write or download the file again"});
  }

  std::unique_ptr<ByteSource> source_;
  fs::path path_;
  size_t limit_;
  std::vector<char> buffer_;
  size_t at_ = 0;
  size_t size_ = 0;
  uint64_t line_ = 1;
  uint64_t start_line_ = 0;
  std::string element_;
  int depth_ = 0;
  bool in_string_ = false;
  bool escaped_ = false;
  bool first_ = true;
  bool done_ = false;
};

/// True when the first character that says something is '['.
bool BeginsArray(std::string_view first) {
  first = WithoutByteOrderMark(first);
  const auto at = std::find_if_not(first.begin(), first.end(), IsBlank);
  return at != first.end() && *at == '[';
}

}  // namespace

std::unique_ptr<JsonRecordReader> OpenJsonRecords(const fs::path& path, size_t max_bytes,
                                                  std::atomic<uint64_t>* consumed) {
  const internal::FileKind kind = internal::KindOf(path);
  if (kind.format == internal::Format::kParquet) return OpenParquetRecords(path, consumed);
  if (kind.format != internal::Format::kJsonLines) {
    throw InputError({.what = "not a file of instructions",
                      .where = path.string(),
                      .expected = ".json, .jsonl or .ndjson, each also with .gz or .zst, or "
                                  ".parquet",
                      .got = "'" + path.filename().string() + "'",
                      .hint = "convert it to JSON Lines"});
  }
  std::unique_ptr<ByteSource> source = OpenByteSource(path, kind.compression, consumed);
  std::string first(kChunk, '\0');
  first.resize(source->Read(first.data(), first.size()));
  const bool array = BeginsArray(first);
  auto whole = std::make_unique<Rewound>(std::move(first), std::move(source));
  if (array) return std::make_unique<Array>(std::move(whole), path, max_bytes);
  return std::make_unique<Lines>(std::move(whole), max_bytes);
}

}  // namespace meap
