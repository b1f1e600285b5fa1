// Documents of one input file, one after another, in bounded memory.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/files.h"
#include "data/drops.h"

namespace meap {

/// How documents are found in the input files.
struct ReaderOptions {
  /// Field (JSON), column (CSV, Parquet) that holds the text; a dot goes into nested objects.
  std::string text_field = "text";
  /// A line or field above this is counted and dropped; a plain text is cut at a line end instead.
  size_t max_document_bytes = size_t{64} << 20;
};

/// A forward-only stream of documents. Not thread-safe.
class DocumentReader {
 public:
  virtual ~DocumentReader() = default;
  /// The next document's text, valid UTF-8 and never empty, valid until the next call; false at the
  /// end. What cannot be used is counted in drops(). A torn compressed stream is an InputError.
  virtual bool Next(std::string_view& text) = 0;
  const DropCounts& drops() const { return drops_; }

 protected:
  /// True when the text may be handed out, else counts it.
  bool Accept(std::string_view text, std::string_view place);
  DropCounts drops_;
};

/// Opens a file by its extension (kInputFormats). `consumed`, when given, grows by the bytes read
/// from disk. Unknown extension, missing file, CSV or Parquet without the field: InputError.
std::unique_ptr<DocumentReader> OpenDocuments(const fs::path& path, const ReaderOptions& options,
                                              std::atomic<uint64_t>* consumed = nullptr);

/// What can be read, for help texts and errors.
inline constexpr std::string_view kInputFormats =
    ".jsonl, .json, .ndjson (JSON Lines), .txt, .csv, each also with .gz or .zst, and .parquet";

/// True for a file name that OpenDocuments takes.
bool IsDocumentFile(const fs::path& path);

/// Files that the arguments name: files, globs (sorted) and folders (their data files, sorted, with
/// sub-folders). A file named twice is taken once, with a warning. Nothing found: InputError.
std::vector<fs::path> ExpandInputs(const std::vector<std::string>& arguments);

}  // namespace meap
