#include "data/byte_source.h"

#include <zlib.h>
#include <zstd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "core/error.h"

namespace meap {
namespace {

constexpr size_t kInputBytes = size_t{1} << 17;

/// The file itself, counting what is read.
class RawSource : public ByteSource {
 public:
  RawSource(const fs::path& path, std::atomic<uint64_t>* consumed)
      : path_(path), consumed_(consumed) {
    std::error_code ignored;
    const bool folder = fs::is_directory(path, ignored);
    file_ = folder ? nullptr : std::fopen(path.c_str(), "rb");
    if (file_ == nullptr) {
      throw InputError({.what = "cannot read data file",
                        .where = path.string(),
                        .expected = "a readable file",
                        .got = folder ? "a folder" : std::strerror(errno),
                        .hint = "check the path and its permissions"});
    }
  }
  ~RawSource() override { std::fclose(file_); }
  RawSource(const RawSource&) = delete;
  RawSource& operator=(const RawSource&) = delete;

  size_t Read(char* out, size_t size) override {
    const size_t count = std::fread(out, 1, size, file_);
    if (count < size && std::ferror(file_) != 0) {
      throw WorkError({.what = "read error", .where = path_.string(), .got = std::strerror(errno)});
    }
    position_ += count;
    if (consumed_ != nullptr) *consumed_ += count;
    return count;
  }
  uint64_t position() const { return position_; }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
  std::FILE* file_;
  std::atomic<uint64_t>* consumed_;
  uint64_t position_ = 0;
};

[[noreturn]] void BrokenStream(const RawSource& raw, size_t unread, const std::string& kind,
                               const std::string& reason) {
  throw InputError({.what = "broken " + kind + " file",
                    .where = raw.path().string() + ", near compressed byte " +
                             std::to_string(raw.position() - unread),
                    .expected = "a complete " + kind + " stream",
                    .got = reason,
                    .hint = "download or compress the file again"});
}

class GzipSource : public ByteSource {
 public:
  GzipSource(const fs::path& path, std::atomic<uint64_t>* consumed)
      : raw_(path, consumed), input_(kInputBytes) {
    MEAP_CHECK(inflateInit2(&stream_, 16 + MAX_WBITS) == Z_OK, "inflateInit2");
  }
  ~GzipSource() override { inflateEnd(&stream_); }
  GzipSource(const GzipSource&) = delete;
  GzipSource& operator=(const GzipSource&) = delete;

  size_t Read(char* out, size_t size) override {
    stream_.next_out = reinterpret_cast<Bytef*>(out);
    stream_.avail_out = static_cast<uInt>(size);
    while (stream_.avail_out == size) {
      if (stream_.avail_in == 0) {
        stream_.next_in = reinterpret_cast<Bytef*>(input_.data());
        stream_.avail_in = static_cast<uInt>(raw_.Read(input_.data(), input_.size()));
        if (stream_.avail_in == 0) {
          if (between_members_) return 0;
          BrokenStream(raw_, 0, "gzip", "the file ends inside the stream");
        }
      }
      if (between_members_ && any_member_) inflateReset(&stream_);
      between_members_ = false;
      any_member_ = true;
      const int code = inflate(&stream_, Z_NO_FLUSH);
      if (code == Z_STREAM_END) {
        between_members_ = true;  // gzip files may be several streams one after another
      } else if (code != Z_OK && code != Z_BUF_ERROR) {
        BrokenStream(raw_, stream_.avail_in, "gzip",
                     stream_.msg != nullptr ? stream_.msg : "an invalid stream");
      }
    }
    return size - stream_.avail_out;
  }

 private:
  RawSource raw_;
  std::vector<char> input_;
  z_stream stream_{};
  bool between_members_ = false;  // an empty file is no gzip stream
  bool any_member_ = false;
};

class ZstdSource : public ByteSource {
 public:
  ZstdSource(const fs::path& path, std::atomic<uint64_t>* consumed)
      : raw_(path, consumed), input_(kInputBytes), context_(ZSTD_createDCtx()) {
    MEAP_CHECK(context_ != nullptr, "ZSTD_createDCtx");
    // Files made with --long=31 name their own window; refusing them would help nobody.
    ZSTD_DCtx_setParameter(context_, ZSTD_d_windowLogMax, 31);
  }
  ~ZstdSource() override { ZSTD_freeDCtx(context_); }
  ZstdSource(const ZstdSource&) = delete;
  ZstdSource& operator=(const ZstdSource&) = delete;

  size_t Read(char* out, size_t size) override {
    ZSTD_outBuffer output{out, size, 0};
    while (output.pos == 0) {
      if (buffer_.pos == buffer_.size && !flushing_) {
        buffer_ = {input_.data(), raw_.Read(input_.data(), input_.size()), 0};
        if (buffer_.size == 0) {
          if (frame_done_) return 0;
          BrokenStream(raw_, 0, "zstd", "the file ends inside the stream");
        }
      }
      const size_t code = ZSTD_decompressStream(context_, &output, &buffer_);
      if (ZSTD_isError(code) != 0) {
        BrokenStream(raw_, buffer_.size - buffer_.pos, "zstd", ZSTD_getErrorName(code));
      }
      frame_done_ = code == 0;
      flushing_ = output.pos == output.size && !frame_done_;  // more may wait inside the decoder
    }
    return output.pos;
  }

 private:
  RawSource raw_;
  std::vector<char> input_;
  ZSTD_DCtx* context_;
  ZSTD_inBuffer buffer_{nullptr, 0, 0};
  bool frame_done_ = false;  // an empty file is no zstd stream
  bool flushing_ = false;
};

}  // namespace

std::unique_ptr<ByteSource> OpenByteSource(const fs::path& path, Compression compression,
                                           std::atomic<uint64_t>* consumed) {
  switch (compression) {
    case Compression::kGzip:
      return std::make_unique<GzipSource>(path, consumed);
    case Compression::kZstd:
      return std::make_unique<ZstdSource>(path, consumed);
    case Compression::kNone:
      break;
  }
  return std::make_unique<RawSource>(path, consumed);
}

}  // namespace meap
