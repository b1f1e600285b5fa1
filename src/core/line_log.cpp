#include "core/line_log.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "core/console.h"
#include "core/error.h"
#include "core/outputs.h"

namespace meap {
namespace {

[[noreturn]] void OpenFailed(const fs::path& path, int error) {
  throw InputError({.what = "cannot open a file to add to",
                    .where = path.string(),
                    .got = std::strerror(error),
                    .hint = "choose another place or change its permissions"});
}

}  // namespace

LineLog::LineLog(const fs::path& path, const std::function<void(std::string_view)>& each)
    : path_(path) {
  std::error_code ignored;
  if (path.has_parent_path()) fs::create_directories(path.parent_path(), ignored);
  descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (descriptor_ < 0) OpenFailed(path, errno);
  try {
    if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
      throw WorkError({.what = "another process is using this file",
                       .where = path.string(),
                       .hint = "wait for it to end, or name another file"});
    }
    const std::string text = ReadFile(path, "line log");
    const size_t whole = text.rfind('\n') == std::string::npos ? 0 : text.rfind('\n') + 1;
    size_ = static_cast<int64_t>(whole);
    if (whole < text.size() && ::ftruncate(descriptor_, size_) != 0) OpenFailed(path, errno);
    std::string_view rest(text.data(), whole);
    while (!rest.empty()) {
      const size_t end = rest.find('\n');
      each(rest.substr(0, end));
      rest.remove_prefix(end + 1);
    }
  } catch (...) {
    ::close(descriptor_);
    throw;
  }
}

LineLog::~LineLog() { ::close(descriptor_); }

void LineLog::Append(std::string_view line) {
  std::string bytes(line);
  bytes += '\n';
  if (!WriteAll(descriptor_, bytes)) {
    const int error = errno;
    if (::ftruncate(descriptor_, size_) != 0) Warn(path_.string() + " ends with half a line");
    throw WorkError({.what = "cannot add to a file",
                     .where = path_.string(),
                     .got = std::strerror(error),
                     .hint = WriteHint(error) + "; run again: what is in it is kept"});
  }
  size_ += static_cast<int64_t>(bytes.size());
}

}  // namespace meap
