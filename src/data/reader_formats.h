// The readers of readers.h, one a format; each stands in its own .cpp file.
#pragma once

#include <memory>

#include "data/byte_source.h"
#include "data/readers.h"

namespace meap::internal {

/// What a file name says.
enum class Format { kUnknown, kJsonLines, kText, kCsv, kParquet };
struct FileKind {
  Format format = Format::kUnknown;
  Compression compression = Compression::kNone;
};
FileKind KindOf(const fs::path& path);

/// JSON Lines: one object a line.
std::unique_ptr<DocumentReader> OpenJsonLines(std::unique_ptr<ByteSource> source,
                                              const fs::path& path, const ReaderOptions& options);

/// Plain text: documents between lines that hold only <|endoftext|>, otherwise the whole file.
std::unique_ptr<DocumentReader> OpenText(std::unique_ptr<ByteSource> source, const fs::path& path,
                                         const ReaderOptions& options);

/// CSV after RFC 4180 with a header row.
std::unique_ptr<DocumentReader> OpenCsv(std::unique_ptr<ByteSource> source, const fs::path& path,
                                        const ReaderOptions& options);

/// Parquet, through Arrow where the build has it.
std::unique_ptr<DocumentReader> OpenParquet(const fs::path& path, const ReaderOptions& options,
                                            std::atomic<uint64_t>* consumed);

}  // namespace meap::internal
