#include "core/machine.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>

namespace meap {
namespace {

/// The first number of a file, or `otherwise` ("max", or no such file).
int64_t FirstNumber(const char* path, int64_t otherwise) {
  std::ifstream file(path);
  int64_t number = 0;
  return file >> number ? number : otherwise;
}

}  // namespace

int64_t MachineMemory() {
  const int64_t physical = int64_t{::sysconf(_SC_PHYS_PAGES)} * ::sysconf(_SC_PAGESIZE);
  // The limits of control groups, versions 2 and 1.
  return std::min({physical, FirstNumber("/sys/fs/cgroup/memory.max", physical),
                   FirstNumber("/sys/fs/cgroup/memory/memory.limit_in_bytes", physical)});
}

int64_t ResidentMemory() {
  std::ifstream file("/proc/self/statm");
  int64_t size = 0;
  int64_t resident = 0;
  file >> size >> resident;
  return resident * ::sysconf(_SC_PAGESIZE);
}

int64_t PeakMemory() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss * int64_t{1024};
}

}  // namespace meap
