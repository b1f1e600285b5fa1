#include "data/line_reader.h"

#include <algorithm>
#include <cstring>

#include "core/strings.h"

namespace meap {
namespace {

constexpr size_t kFirstBuffer = size_t{1} << 18;

}  // namespace

LineReader::LineReader(std::unique_ptr<ByteSource> source, size_t max_line_bytes)
    : source_(std::move(source)), limit_(max_line_bytes), buffer_(kFirstBuffer + kPadding) {}

bool LineReader::Fill() {
  if (at_end_) return false;
  const size_t held = end_ - begin_;
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, held);
    begin_ = 0;
    end_ = held;
  }
  // One byte over the limit is enough to know that a line is too long.
  if (end_ + kPadding == buffer_.size()) {
    buffer_.resize(std::min(2 * end_, std::max(limit_ + 1, end_ + 1)) + kPadding);
  }
  const size_t count = source_->Read(buffer_.data() + end_, buffer_.size() - kPadding - end_);
  end_ += count;
  at_end_ = count == 0;
  return !at_end_;
}

LineReader::Status LineReader::Next(std::string_view& line) {
  line = {};
  size_t searched = 0;
  while (true) {
    const char* start = buffer_.data() + begin_;
    const size_t held = end_ - begin_;
    const void* found = std::memchr(start + searched, '\n', held - searched);
    const bool last = found == nullptr && at_end_;
    if (last && held == 0) return Status::kEnd;
    if (found != nullptr || last) {
      const size_t length =
          found != nullptr ? static_cast<size_t>(static_cast<const char*>(found) - start) : held;
      begin_ += length + (found != nullptr ? 1 : 0);
      ++line_number_;
      if (length > limit_) return Status::kTooLong;
      line = {start, length};
      if (line_number_ == 1) line = WithoutByteOrderMark(line);
      return Status::kLine;
    }
    if (held > limit_) return SkipLine();
    searched = held;
    Fill();
  }
}

LineReader::Status LineReader::SkipLine() {
  ++line_number_;
  while (true) {
    const char* start = buffer_.data() + begin_;
    const void* found = std::memchr(start, '\n', end_ - begin_);
    if (found != nullptr) {
      begin_ += static_cast<size_t>(static_cast<const char*>(found) - start) + 1;
      return Status::kTooLong;
    }
    begin_ = end_;
    if (!Fill()) return Status::kTooLong;
  }
}

}  // namespace meap
