#include "report/metrics.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <string>
#include <string_view>
#include <thread>

#include "core/console.h"
#include "core/error.h"
#include "core/outputs.h"

namespace meap {
namespace {

using nlohmann::json;

[[noreturn]] void WriteFailed(const fs::path& path, int error) {
  throw WorkError({.what = "cannot write metrics",
                   .where = path.string(),
                   .got = std::strerror(error),
                   .hint = WriteHint(error) + "; then go on with --resume"});
}

// The lines of `text` that a run at `step` has written. A last line without its line feed is whole
// when it is a whole object.
std::string LinesUpTo(std::string_view text, int64_t step, bool validates, const fs::path& path) {
  std::string kept;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const json object = json::parse(line, nullptr, false);
    if (!object.is_object()) {
      if (!text.empty()) Warn(path.string() + ": dropping a line that is not a JSON object");
      continue;
    }
    const auto found = object.find("step");
    const int64_t of = found != object.end() && found->is_number() ? found->get<int64_t>() : 0;
    if (of > step || (validates && of == step && object.contains("validation_loss"))) continue;
    kept.append(line).push_back('\n');
  }
  return kept;
}

// Brings the file to `kept` in one step that a crash cannot halve.
void Reduce(const fs::path& path, const std::string& text, const std::string& kept) {
  if (kept == text) return;
  if (text.starts_with(kept) && ::truncate(path.c_str(), static_cast<off_t>(kept.size())) == 0) {
    return;
  }
  WriteFileAtomically(path, kept);
}

}  // namespace

MetricsWriter::MetricsWriter(const fs::path& path, std::optional<int64_t> resume_step,
                             bool validates)
    : path_(path) {
  if (resume_step && fs::exists(path)) {
    const std::string text = ReadFile(path, "metrics");
    Reduce(path, text, LinesUpTo(text, *resume_step, validates, path));
  }
  const int fresh = resume_step ? 0 : O_TRUNC;
  descriptor_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | fresh, 0666);
  struct stat info {};
  if (descriptor_ < 0 || ::fstat(descriptor_, &info) != 0) {
    const int error = errno;
    if (descriptor_ >= 0) ::close(descriptor_);
    WriteFailed(path, error);
  }
  size_ = info.st_size;
  // For IsBeingWritten, which may hold the lock itself for a moment. The system takes it back with
  // the file, however the process ends.
  for (int tries = 0; tries < 100 && ::flock(descriptor_, LOCK_EX | LOCK_NB) != 0; ++tries) {
    if (errno != EWOULDBLOCK) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

MetricsWriter::~MetricsWriter() { ::close(descriptor_); }

void MetricsWriter::Sync() {
  if (::fsync(descriptor_) != 0 && errno != EINVAL) WriteFailed(path_, errno);
}

void MetricsWriter::Append(const nlohmann::ordered_json& object) {
  const std::string line = object.dump(-1, ' ', true) + "\n";
  if (!WriteAll(descriptor_, line)) {
    const int error = errno;
    if (::ftruncate(descriptor_, size_) != 0) Warn(path_.string() + " ends with half a line");
    WriteFailed(path_, error);
  }
  size_ += static_cast<int64_t>(line.size());
}

std::optional<bool> IsBeingWritten(const fs::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return false;
  const bool is_free = ::flock(descriptor, LOCK_SH | LOCK_NB) == 0;
  const bool can_tell = is_free || errno == EWOULDBLOCK;
  ::close(descriptor);
  return can_tell ? std::optional(!is_free) : std::nullopt;
}

}  // namespace meap
