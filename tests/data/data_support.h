// Helpers of the data tests: files of every kind and an encoder that needs no tokenizer.
#pragma once

#include <zlib.h>
#include <zstd.h>

#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "core/files.h"
#include "data/prepare.h"
#include "data/readers.h"
#include "tests/support.h"

namespace meap::testing {

inline void Put(const fs::path& path, std::string_view bytes) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<long>(bytes.size()));
}

inline std::string Get(const fs::path& path) { return ReadFile(path, "test file"); }

inline std::string Gzip(const std::string& text) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

inline std::string Zstd(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

/// All documents of a file; the drops go to `drops`.
inline std::vector<std::string> ReadAll(const fs::path& path, const ReaderOptions& options = {},
                                        DropCounts* drops = nullptr) {
  const auto reader = OpenDocuments(path, options);
  std::vector<std::string> texts;
  std::string_view text;
  while (reader->Next(text)) texts.emplace_back(text);
  if (drops != nullptr) *drops = reader->drops();
  return texts;
}

/// Ids are byte values; 256 is the end, 257 stands before each document.
inline DocumentEncoder ByteEncoder() {
  return {.append =
              [](std::string_view text, std::vector<int32_t>& out) {
                for (const char c : text) out.push_back(static_cast<unsigned char>(c));
              },
          .bos = 257,
          .eos = 256,
          .vocab_size = 258,
          .hash = "bytes"};
}

/// Every file under a folder with its bytes.
inline std::map<std::string, std::string> FolderBytes(const fs::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) {
      files[fs::relative(entry.path(), folder).string()] = Get(entry.path());
    }
  }
  return files;
}

inline std::string JsonLine(const std::string& text) { return "{\"text\": \"" + text + "\"}\n"; }

}  // namespace meap::testing
