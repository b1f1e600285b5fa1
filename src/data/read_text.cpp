#include <algorithm>

#include "core/strings.h"
#include "data/reader_formats.h"

namespace meap::internal {
namespace {

constexpr std::string_view kSeparator = "<|endoftext|>";
constexpr size_t kReadBytes = size_t{1} << 20;
// Above this a text is cut at a line end, so that a whole encyclopaedia in one file neither fills
// the memory nor keeps one thread busy alone. One more end-of-text in millions of tokens is
// nothing.
constexpr size_t kPieceBytes = size_t{16} << 20;

class TextReader : public DocumentReader {
 public:
  TextReader(std::unique_ptr<ByteSource> source, const fs::path& path, const ReaderOptions& options)
      : source_(std::move(source)),
        path_(path),
        limit_(std::min(kPieceBytes, options.max_document_bytes)) {}

  bool Next(std::string_view& text) override {
    while (Cut(text)) {
      const uint64_t line = line_;
      line_ +=
          static_cast<uint64_t>(std::count(buffer_.begin() + static_cast<ptrdiff_t>(begin_before_),
                                           buffer_.begin() + static_cast<ptrdiff_t>(begin_), '\n'));
      if (begin_before_ == 0 && line == 1) text = WithoutByteOrderMark(text);
      // Nothing before the first or after the last separator is no document at all.
      if (text.empty() || text == "\n" || text == "\r\n") continue;
      if (Accept(text, path_.string() + ":" + std::to_string(line))) return true;
    }
    return false;
  }

 private:
  /// The next piece of the file as it stands; false at the end.
  bool Cut(std::string_view& text) {
    size_t searched = begin_;
    while (true) {
      begin_before_ = begin_;
      const size_t separator = FindSeparator(searched);
      if (separator != std::string::npos) {
        text = Between(begin_, separator);
        const size_t line_end = buffer_.find('\n', separator);
        begin_ = line_end == std::string::npos ? buffer_.size() : line_end + 1;
        return true;
      }
      const size_t held = buffer_.size() - begin_;
      if (held >= limit_) {
        const size_t size = PieceSize(std::string_view(buffer_).substr(begin_, limit_));
        text = std::string_view(buffer_).substr(begin_, size);
        begin_ += size;
        return true;
      }
      if (at_end_) {
        text = std::string_view(buffer_).substr(begin_);
        begin_ = buffer_.size();
        return held > 0;
      }
      // A separator may stand half at the end of what was read: look there again.
      const size_t tail = std::min(held, kSeparator.size() + 2);
      Fill();
      searched = held - tail;
    }
  }

  void Fill() {
    buffer_.erase(0, begin_);
    begin_ = 0;
    const size_t held = buffer_.size();
    buffer_.resize(held + kReadBytes);
    size_t read = 0;  // always whole chunks, so that a compressed file is cut where a plain one is
    while (read < kReadBytes && !at_end_) {
      const size_t count = source_->Read(buffer_.data() + held + read, kReadBytes - read);
      at_end_ = count == 0;
      read += count;
    }
    buffer_.resize(held + read);
  }

  /// Where a line that is only the separator begins, at or after `from`.
  size_t FindSeparator(size_t from) const {
    for (size_t at = buffer_.find(kSeparator, from); at != std::string::npos;
         at = buffer_.find(kSeparator, at + 1)) {
      const std::string_view rest = std::string_view(buffer_).substr(at + kSeparator.size());
      const bool starts = at == begin_ || buffer_[at - 1] == '\n';
      const bool ends =
          rest.starts_with("\n") || rest.starts_with("\r\n") || (at_end_ && rest.empty());
      if (starts && ends) return at;
    }
    return std::string::npos;
  }

  /// A document without the line break before its separator.
  std::string_view Between(size_t begin, size_t end) const {
    std::string_view text = std::string_view(buffer_).substr(begin, end - begin);
    if (text.ends_with('\n')) text.remove_suffix(1);
    if (text.ends_with('\r')) text.remove_suffix(1);
    return text;
  }

  /// Where to cut a text that is too long: after a line, else after a blank, else between letters.
  static size_t PieceSize(std::string_view text) {
    const size_t line = text.rfind('\n');
    if (line != std::string_view::npos) return line + 1;
    const size_t blank = text.rfind(' ');
    if (blank != std::string_view::npos && blank > 0) return blank;
    size_t size = text.size();
    while (size > 1 && (static_cast<unsigned char>(text[size - 1]) & 0xC0) == 0x80) --size;
    if (size > 1 && static_cast<unsigned char>(text[size - 1]) >= 0xC0) --size;
    return size;
  }

  std::unique_ptr<ByteSource> source_;
  fs::path path_;
  size_t limit_;
  std::string buffer_;
  size_t begin_ = 0;         // start of what was not handed out
  size_t begin_before_ = 0;  // start of what is being handed out
  bool at_end_ = false;
  uint64_t line_ = 1;
};

}  // namespace

std::unique_ptr<DocumentReader> OpenText(std::unique_ptr<ByteSource> source, const fs::path& path,
                                         const ReaderOptions& options) {
  return std::make_unique<TextReader>(std::move(source), path, options);
}

}  // namespace meap::internal
