#include "core/machine.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>

/// jemalloc's control, where it is the allocator.
// NOLINTNEXTLINE(readability-identifier-naming): jemalloc's name
extern "C" __attribute__((weak)) int mallctl(const char* name, void* old, size_t* old_size,
                                             void* fresh, size_t fresh_size);

namespace meap {
namespace {

/// The first number of a file, or `otherwise` ("max", or no such file).
int64_t FirstNumber(const char* path, int64_t otherwise) {
  std::ifstream file(path);
  int64_t number = 0;
  return file >> number ? number : otherwise;
}

/// Pages of /proc/self/statm: all that are resident, and those of files.
struct Pages {
  int64_t resident = 0;
  int64_t of_files = 0;
};

Pages OwnPages() {
  std::ifstream file("/proc/self/statm");
  Pages pages;
  int64_t size = 0;
  file >> size >> pages.resident >> pages.of_files;
  return pages;
}

}  // namespace

int64_t MachineMemory() {
  const int64_t physical = int64_t{::sysconf(_SC_PHYS_PAGES)} * ::sysconf(_SC_PAGESIZE);
  // The limits of control groups, versions 2 and 1.
  return std::min({physical, FirstNumber("/sys/fs/cgroup/memory.max", physical),
                   FirstNumber("/sys/fs/cgroup/memory/memory.limit_in_bytes", physical)});
}

int64_t AvailableMemory() {
  const int64_t left = std::max<int64_t>(0, MachineMemory() - AnonymousMemory());
  std::ifstream file("/proc/meminfo");
  for (std::string name; file >> name; file.ignore(256, '\n')) {
    int64_t kibibytes = 0;
    if (name == "MemAvailable:" && file >> kibibytes) return std::min(left, kibibytes * 1024);
  }
  return left;
}

int64_t ResidentMemory() { return OwnPages().resident * ::sysconf(_SC_PAGESIZE); }

int64_t AnonymousMemory() {
  const Pages pages = OwnPages();
  return (pages.resident - pages.of_files) * ::sysconf(_SC_PAGESIZE);
}

int64_t PeakMemory() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss * int64_t{1024};
}

void ReleaseFreedMemory() {
  // "all arenas" is 4096 in this name (MALLCTL_ARENAS_ALL).
  if (&mallctl != nullptr) mallctl("arena.4096.purge", nullptr, nullptr, nullptr, 0);
}

void MemoryWatch::Look() {
  const auto held = static_cast<double>(AnonymousMemory());
  const bool too_much = held > limit_;
  if (too_much && released_) {
    limit_ = (1 + kSlack) * held;
  } else if (too_much) {
    ReleaseFreedMemory();
  }
  released_ = too_much && !released_;
}

}  // namespace meap
