#include "core/files.h"

#include <fcntl.h>
#include <glob.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "core/error.h"
#include "core/outputs.h"

namespace meap {
namespace {

std::string SystemReason() { return std::strerror(errno); }

[[noreturn]] void WriteFailed(const fs::path& path) {
  const int error = errno;
  throw WorkError({.what = "cannot write file",
                   .where = path.string(),
                   .got = SystemReason(),
                   .hint = WriteHint(error) + "; nothing that was there before is lost"});
}

fs::path TemporaryBeside(const fs::path& path) {
  fs::path clean = path;
  if (!clean.has_filename()) clean = clean.parent_path();  // "run/" and "run" are the same folder
  return clean.string() + ".tmp-" + std::to_string(::getpid());
}

}  // namespace

std::string ReadFile(const fs::path& path, std::string_view purpose) {
  std::FILE* file = fs::is_directory(path) ? nullptr : std::fopen(path.c_str(), "rb");
  if (file == nullptr) {
    throw InputError({.what = "cannot read " + std::string(purpose),
                      .where = path.string(),
                      .expected = "a readable file",
                      .got = fs::is_directory(path) ? "a folder" : SystemReason(),
                      .hint = "check the path"});
  }
  std::string text;
  char buffer[1 << 16];
  size_t count = 0;
  while ((count = std::fread(buffer, 1, sizeof buffer, file)) > 0) text.append(buffer, count);
  const bool failed = std::ferror(file) != 0;
  std::fclose(file);
  if (failed)
    throw WorkError({.what = "read error", .where = path.string(), .got = SystemReason()});
  return text;
}

MappedFile::MappedFile(const fs::path& path) : path_(path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat info {};
  if (descriptor < 0 || ::fstat(descriptor, &info) != 0 || !S_ISREG(info.st_mode)) {
    const std::string reason = descriptor >= 0 ? "not a regular file" : SystemReason();
    if (descriptor >= 0) ::close(descriptor);
    throw InputError({.what = "cannot open file",
                      .where = path.string(),
                      .expected = "a readable file on a disk",
                      .got = reason,
                      .hint = "check the path"});
  }
  size_ = static_cast<size_t>(info.st_size);
  if (size_ > 0) {
    void* address = ::mmap(nullptr, size_, PROT_READ, MAP_SHARED, descriptor, 0);
    if (address == MAP_FAILED) {
      const std::string reason = SystemReason();
      ::close(descriptor);
      throw WorkError({.what = "cannot map file", .where = path.string(), .got = reason});
    }
    data_ = static_cast<const std::byte*>(address);
  }
  ::close(descriptor);
}

MappedFile::MappedFile(MappedFile&& other) noexcept { *this = std::move(other); }

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(path_, other.path_);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

void MappedFile::Forget(std::span<const std::byte> part) const {
  if (part.empty()) return;
  MEAP_CHECK(part.data() >= data_ && part.data() + part.size() <= data_ + size_,
             "what is forgotten is a part of the file");
  const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  const uintptr_t begin = reinterpret_cast<uintptr_t>(part.data()) / page * page;
  const uintptr_t end = reinterpret_cast<uintptr_t>(part.data()) + part.size();
  // NOLINTNEXTLINE(performance-no-int-to-ptr): a page's address is rounded as a number
  ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

AtomicFile::AtomicFile(const fs::path& path) : path_(path), temporary_(TemporaryBeside(path)) {
  std::error_code ignored;  // where there is no folder, the file says why it cannot be opened
  if (path.has_parent_path()) fs::create_directories(path.parent_path(), ignored);
  file_ = std::fopen(temporary_.c_str(), "wb");
  if (file_ == nullptr) WriteFailed(path_);
}

AtomicFile::~AtomicFile() {
  if (file_ == nullptr) return;
  std::fclose(file_);
  std::error_code ignored;
  fs::remove(temporary_, ignored);
}

void AtomicFile::Write(const void* data, size_t size) {
  if (size > 0 && std::fwrite(data, 1, size, file_) != size) WriteFailed(path_);
}

void AtomicFile::Commit() {
  if (std::fflush(file_) != 0 || ::fsync(::fileno(file_)) != 0) WriteFailed(path_);
  if (std::fclose(std::exchange(file_, nullptr)) != 0 ||
      std::rename(temporary_.c_str(), path_.c_str()) != 0) {
    const int error = errno;
    std::error_code ignored;
    fs::remove(temporary_, ignored);
    errno = error;
    WriteFailed(path_);
  }
  SyncToDisk(path_.has_parent_path() ? path_.parent_path() : fs::path("."));
}

void WriteFileAtomically(const fs::path& path, std::string_view text) {
  AtomicFile file(path);
  file.Write(text);
  file.Commit();
}

AtomicDirectory::AtomicDirectory(const fs::path& path)
    : path_(path.has_filename() ? path : path.parent_path()), temporary_(TemporaryBeside(path)) {
  fs::remove_all(temporary_);
  std::error_code error;
  if (!fs::create_directories(temporary_, error)) {
    errno = error.value();
    WriteFailed(path_);
  }
}

AtomicDirectory::~AtomicDirectory() {
  std::error_code ignored;
  if (!committed_) fs::remove_all(temporary_, ignored);
}

void AtomicDirectory::Commit() {
  for (const auto& entry : fs::recursive_directory_iterator(temporary_)) SyncToDisk(entry.path());
  SyncToDisk(temporary_);
  // rename(2) cannot replace a folder that is not empty: the old one steps aside first.
  const fs::path old = path_.string() + ".old-" + std::to_string(::getpid());
  std::error_code error;
  if (fs::exists(path_)) fs::rename(path_, old, error);
  if (!error) fs::rename(temporary_, path_, error);
  if (error) {
    errno = error.value();
    WriteFailed(path_);
  }
  committed_ = true;
  SyncToDisk(path_.has_parent_path() ? path_.parent_path() : fs::path("."));
  fs::remove_all(old, error);
}

void MakeOutputDirectory(const fs::path& path, std::string_view key) {
  std::error_code error;
  fs::create_directories(path, error);
  if (!error && fs::is_directory(path) && ::access(path.c_str(), W_OK | X_OK) == 0) return;
  throw InputError({.what = "cannot write to the output folder",
                    .where = std::string(key) + " = " + path.string(),
                    .expected = "a folder that can be created and written",
                    .got = error ? error.message() : SystemReason(),
                    .hint = "choose another folder or change its permissions"});
}

void SyncToDisk(const fs::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) WriteFailed(path);
  const int result = ::fsync(descriptor);
  ::close(descriptor);
  // Some file systems cannot sync a folder; that is not a failed write.
  if (result != 0 && errno != EINVAL && errno != EROFS) WriteFailed(path);
}

bool WriteAll(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(descriptor, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count == 0) errno = ENOSPC;
    if (count <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(count));
  }
  return true;
}

std::vector<fs::path> ExpandGlob(const std::string& pattern) {
  if (pattern.find_first_of("*?[") == std::string::npos || fs::exists(pattern)) return {pattern};
  glob_t found{};
  std::vector<fs::path> paths;
  if (::glob(pattern.c_str(), 0, nullptr, &found) == 0) {
    paths.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  }
  ::globfree(&found);
  return paths;
}

std::string HexOf(uint64_t hash) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(hash));
  return text;
}

namespace {

/// Hash64 of bytes that come piece by piece.
class StreamHash {
 public:
  StreamHash() : state_(XXH3_createState(), XXH3_freeState) { XXH3_64bits_reset(state_.get()); }
  void Add(const void* data, size_t size) { XXH3_64bits_update(state_.get(), data, size); }
  std::string Hex() const { return HexOf(XXH3_64bits_digest(state_.get())); }

 private:
  std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> state_;
};

}  // namespace

uint64_t Hash64(const void* data, size_t size) { return XXH3_64bits(data, size); }

std::string HashHex(const void* data, size_t size) { return HexOf(Hash64(data, size)); }

std::string HashFileHex(const fs::path& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"),
                                                             std::fclose);
  StreamHash hash;
  std::vector<char> buffer(size_t{1} << 20);
  size_t count = 0;
  while (file && (count = std::fread(buffer.data(), 1, buffer.size(), file.get())) > 0) {
    hash.Add(buffer.data(), count);
  }
  if (!file || std::ferror(file.get()) != 0) {
    throw InputError({.what = "cannot read file",
                      .where = path.string(),
                      .expected = "a readable file",
                      .got = SystemReason(),
                      .hint = "check the path and the disk"});
  }
  return hash.Hex();
}

std::string HashHex(const MappedFile& file, std::span<const std::byte> part) {
  constexpr size_t kChunk = size_t{4} << 20;
  StreamHash hash;
  for (size_t done = 0; done < part.size(); done += kChunk) {
    const auto chunk = part.subspan(done, std::min(kChunk, part.size() - done));
    hash.Add(chunk.data(), chunk.size());
    file.Forget(chunk);
  }
  return hash.Hex();
}

}  // namespace meap
