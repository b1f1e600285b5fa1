#include "data/readers.h"

#include <algorithm>
#include <set>

#include "core/console.h"
#include "core/error.h"
#include "core/strings.h"
#include "data/reader_formats.h"

namespace meap {
namespace {

std::string Lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

}  // namespace

namespace internal {

FileKind KindOf(const fs::path& path) {
  FileKind kind;
  fs::path name = Lower(path.filename().string());
  const std::string outer = name.extension().string();
  if (outer == ".gz") kind.compression = Compression::kGzip;
  if (outer == ".zst" || outer == ".zstd") kind.compression = Compression::kZstd;
  if (kind.compression != Compression::kNone) name = name.stem();
  const std::string inner = name.extension().string();
  if (inner == ".jsonl" || inner == ".json" || inner == ".ndjson") kind.format = Format::kJsonLines;
  if (inner == ".txt") kind.format = Format::kText;
  if (inner == ".csv") kind.format = Format::kCsv;
  if (inner == ".parquet" && kind.compression == Compression::kNone) kind.format = Format::kParquet;
  return kind;
}

}  // namespace internal

namespace {

using internal::FileKind;
using internal::Format;
using internal::KindOf;

void AddFolder(const fs::path& folder, std::vector<fs::path>& files) {
  std::vector<fs::path> found;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const bool hidden = entry.path().filename().string().starts_with('.');
    if (entry.is_regular_file() && !hidden && IsDocumentFile(entry.path())) {
      found.push_back(entry.path());
    }
  }
  if (found.empty()) {
    throw InputError({.what = "the folder holds no data files",
                      .where = folder.string(),
                      .expected = std::string(kInputFormats),
                      .hint = "name the files themselves, or another folder"});
  }
  std::sort(found.begin(), found.end());
  files.insert(files.end(), found.begin(), found.end());
}

}  // namespace

bool DocumentReader::Accept(std::string_view text, std::string_view place) {
  if (text.empty()) {
    drops_.Add(DropReason::kEmpty, place);
    return false;
  }
  if (!IsValidUtf8(text)) {
    drops_.Add(DropReason::kInvalidUtf8, place);
    return false;
  }
  return true;
}

bool IsDocumentFile(const fs::path& path) { return KindOf(path).format != Format::kUnknown; }

std::unique_ptr<DocumentReader> OpenDocuments(const fs::path& path, const ReaderOptions& options,
                                              std::atomic<uint64_t>* consumed) {
  const FileKind kind = KindOf(path);
  if (kind.format == Format::kUnknown) {
    throw InputError({.what = "unknown kind of data file",
                      .where = path.string(),
                      .expected = std::string(kInputFormats),
                      .got = "'" + path.filename().string() + "'",
                      .hint = "rename the file to what it is, or convert it to JSON Lines"});
  }
  if (kind.format == Format::kParquet) return internal::OpenParquet(path, options, consumed);
  std::unique_ptr<ByteSource> source = OpenByteSource(path, kind.compression, consumed);
  switch (kind.format) {
    case Format::kText:
      return internal::OpenText(std::move(source), path, options);
    case Format::kCsv:
      return internal::OpenCsv(std::move(source), path, options);
    default:
      return internal::OpenJsonLines(std::move(source), path, options);
  }
}

std::vector<fs::path> ExpandInputs(const std::vector<std::string>& arguments) {
  std::vector<fs::path> named;
  for (const std::string& argument : arguments) {
    const std::vector<fs::path> matches = ExpandGlob(argument);
    if (matches.empty()) {
      throw InputError(
          {.what = "no file matches the pattern",
           .where = argument,
           .expected = "at least one data file",
           .hint = "check the path; quote the pattern only when meap should expand it"});
    }
    for (const fs::path& match : matches) {
      if (fs::is_directory(match)) {
        AddFolder(match, named);
      } else if (!fs::exists(match)) {
        throw InputError({.what = "no such file",
                          .where = match.string(),
                          .expected = "a data file, a folder of such files, or a glob",
                          .hint = "check the path"});
      } else {
        named.push_back(match);
      }
    }
  }
  std::vector<fs::path> files;
  std::set<fs::path> seen;
  for (const fs::path& file : named) {
    if (seen.insert(fs::weakly_canonical(file)).second) {
      files.push_back(file);
    } else {
      Warn(file.string() + " is named twice and read once; use weights to repeat data");
    }
  }
  return files;
}

}  // namespace meap
