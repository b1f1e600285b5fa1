// Lines of a byte stream with a bound on their length.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "data/byte_source.h"

namespace meap {

/// Cuts a stream into lines. Memory stays below twice `max_line_bytes`, however long a line in the
/// file may be.
class LineReader {
 public:
  enum class Status { kLine, kTooLong, kEnd };
  /// Bytes after each line that may be read (not written): what SIMD parsers want.
  static constexpr size_t kPadding = 64;

  LineReader(std::unique_ptr<ByteSource> source, size_t max_line_bytes);

  /// The next line without its '\n' (nor a byte order mark on the first), valid until the next
  /// call. kTooLong: a line over the limit was skipped, `line` is empty.
  Status Next(std::string_view& line);

  /// Number of the line handed out last, from 1.
  uint64_t line_number() const { return line_number_; }

 private:
  bool Fill();
  Status SkipLine();

  std::unique_ptr<ByteSource> source_;
  size_t limit_;
  std::vector<char> buffer_;
  size_t begin_ = 0;  // first byte not handed out
  size_t end_ = 0;    // end of what was read
  bool at_end_ = false;
  uint64_t line_number_ = 0;
};

}  // namespace meap
