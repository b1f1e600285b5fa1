// Files: reading whole, mapping, and writing so that a reader never sees half of one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace meap {

namespace fs = std::filesystem;

/// The whole file as bytes. A missing or unreadable file is an InputError that names `purpose`
/// ("tokenizer", "recipe", ...) and the path.
std::string ReadFile(const fs::path& path, std::string_view purpose);

/// A read-only memory map of a regular file; empty ones map to an empty span. What is none (a pipe,
/// a folder) is an InputError. Movable, not copyable.
class MappedFile {
 public:
  MappedFile() = default;
  explicit MappedFile(const fs::path& path);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  const std::byte* data() const { return data_; }
  size_t size() const { return size_; }
  const fs::path& path() const { return path_; }
  /// Takes the pages that `part` touches out of this process's memory: a saving for who has read
  /// it. Read again, they come back from the system's cache or the disk.
  void Forget(std::span<const std::byte> part) const;

 private:
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
  fs::path path_;
};

/// Writes to `path` + ".tmp-PID" and publishes by rename in Commit(), after fsync of the file and
/// its folder, which is made where it lacks. Without Commit() the temporary file is removed and the
/// old file stays. A failed write (disk full) is a WorkError that names the file and the reason.
class AtomicFile {
 public:
  explicit AtomicFile(const fs::path& path);
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile();

  void Write(const void* data, size_t size);
  void Write(std::string_view text) { Write(text.data(), text.size()); }
  void Commit();

 private:
  fs::path path_;
  fs::path temporary_;
  std::FILE* file_ = nullptr;
};

/// AtomicFile for a text that is at hand whole.
void WriteFileAtomically(const fs::path& path, std::string_view text);

/// A folder built beside `path` as `path` + ".tmp-PID" and published by rename in Commit(); an
/// older folder at `path` is replaced. Without Commit() the temporary folder is removed.
class AtomicDirectory {
 public:
  explicit AtomicDirectory(const fs::path& path);
  AtomicDirectory(const AtomicDirectory&) = delete;
  AtomicDirectory& operator=(const AtomicDirectory&) = delete;
  ~AtomicDirectory();

  const fs::path& temporary() const { return temporary_; }
  void Commit();

 private:
  fs::path path_;
  fs::path temporary_;
  bool committed_ = false;
};

/// Creates `path` with its parents. Not possible: InputError naming `key`, the option that chose
/// it.
void MakeOutputDirectory(const fs::path& path, std::string_view key);

/// Writes all of `bytes`, however many calls that takes; false with errno when it cannot.
bool WriteAll(int descriptor, std::string_view bytes);

/// Forces a file's (or folder's) content to disk.
void SyncToDisk(const fs::path& path);

/// Paths that a glob pattern names, sorted; a pattern without wildcards is returned as it is.
std::vector<fs::path> ExpandGlob(const std::string& pattern);

/// XXH3-64 of a byte range, as 16 hexadecimal digits: content keys and checksums.
std::string HashHex(const void* data, size_t size);
uint64_t Hash64(const void* data, size_t size);
/// A hash as HashHex writes it.
std::string HexOf(uint64_t hash);

/// HashHex of a whole file, which is read, not mapped: a sector that cannot be read is an
/// InputError like a file that cannot be opened, where a map would end the process.
std::string HashFileHex(const fs::path& path);

/// HashHex of a part of a mapped file, which is forgotten as it goes: a file of any size takes a
/// few MiB of memory.
std::string HashHex(const MappedFile& file, std::span<const std::byte> part);

}  // namespace meap
