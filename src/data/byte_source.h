// Bytes of one input file as a stream, decompressed on the way: what every reader reads from.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "core/files.h"

namespace meap {

/// How a file's bytes are packed.
enum class Compression { kNone, kGzip, kZstd };

/// A forward-only stream. Memory stays bounded whatever the file's size.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  /// Fills up to `size` bytes and returns their number; 0 only at the end of the stream. A torn or
  /// broken compressed stream is an InputError naming the file and the compressed byte.
  virtual size_t Read(char* out, size_t size) = 0;
};

/// Opens `path`. `consumed`, when given, is increased by every byte taken from the disk (compressed
/// bytes: what a progress bar counts). A missing or unreadable file is an InputError.
std::unique_ptr<ByteSource> OpenByteSource(const fs::path& path, Compression compression,
                                           std::atomic<uint64_t>* consumed = nullptr);

}  // namespace meap
