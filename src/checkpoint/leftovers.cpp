#include "checkpoint/leftovers.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <optional>
#include <string>
#include <vector>

#include "core/console.h"

namespace meap {
namespace {

struct Leftover {
  fs::path path;
  fs::path name;     // what was being written
  std::string kind;  // tmp, old or gone
  std::string pid;
};

bool OthersAlive(long pid) {
  return pid != ::getpid() && (::kill(static_cast<pid_t>(pid), 0) == 0 || errno == EPERM);
}

// NAME.KIND-PID of a process that is no more.
std::optional<Leftover> AsLeftover(const fs::path& path) {
  const std::string text = path.string();
  const size_t dash = text.rfind('-');
  const size_t dot = text.rfind('.');
  if (dash == std::string::npos || dot == std::string::npos || dot > dash) return {};
  Leftover found{path, text.substr(0, dot), text.substr(dot + 1, dash - dot - 1),
                 text.substr(dash + 1)};
  if (found.kind != "tmp" && found.kind != "old" && found.kind != "gone") return {};
  long pid = 0;
  const char* end = found.pid.data() + found.pid.size();
  const auto [stop, error] = std::from_chars(found.pid.data(), end, pid);
  if (error != std::errc() || stop != end || pid <= 0 || OthersAlive(pid)) return {};
  return found;
}

}  // namespace

void CleanLeftovers(const fs::path& folder) {
  std::error_code error;
  std::vector<Leftover> leftovers;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (const auto found = AsLeftover(entry.path())) leftovers.push_back(*found);
  }
  for (const Leftover& old : leftovers) {
    if (old.kind != "old" || fs::exists(old.name)) continue;
    // The old folder steps aside only once the new one is complete and on disk.
    const fs::path complete = old.name.string() + ".tmp-" + old.pid;
    fs::rename(fs::exists(complete) ? complete : old.path, old.name, error);
    Note("restored " + old.name.string() + ", whose replacement was interrupted");
  }
  for (const Leftover& leftover : leftovers) fs::remove_all(leftover.path, error);
}

void RemoveFolder(const fs::path& path) {
  const fs::path gone = path.string() + ".gone-" + std::to_string(::getpid());
  std::error_code error;
  fs::rename(path, gone, error);
  if (!error) fs::remove_all(gone, error);
  if (error) Warn("cannot remove " + path.string() + ": " + error.message());
}

}  // namespace meap
