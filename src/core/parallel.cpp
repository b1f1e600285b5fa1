#include "core/parallel.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <string_view>
#include <thread>
#include <vector>

#include "core/files.h"

namespace meap {

namespace {

/// The words this program was started with.
std::vector<std::string> OwnWords() {
  const std::string line = ReadFile("/proc/self/cmdline", "command line");
  std::vector<std::string> words;
  for (size_t begin = 0; begin < line.size(); begin += words.back().size() + 1)
    words.emplace_back(line.c_str() + begin);
  return words;
}

}  // namespace

int DefaultThreads() {
  if (const char* value = std::getenv("OMP_NUM_THREADS")) {
    const std::string_view text = value;
    int threads = 0;
    std::from_chars(text.data(), text.data() + text.size(), threads);
    if (threads > 0) return threads;
  }
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

void WaitWithoutSpinning() {
  if (std::getenv("GOMP_SPINCOUNT") || std::getenv("OMP_WAIT_POLICY")) return;
  std::vector<std::string> words = OwnWords();
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  ::setenv("GOMP_SPINCOUNT", "1000", 1);
  ::execv("/proc/self/exe", argv.data());  // on failure the work goes on, only slower beside others
}

void ParallelFor(size_t count, int threads, const std::function<void(size_t)>& work) {
  std::atomic<size_t> next{0};
  std::exception_ptr failure;
  std::mutex failure_mutex;
  const auto run = [&] {
    for (size_t i = next++; i < count; i = next++) {
      try {
        work(i);
      } catch (...) {
        const std::scoped_lock lock(failure_mutex);
        if (!failure) failure = std::current_exception();
        next = count;
      }
    }
  };
  const size_t helpers = std::min<size_t>(count, static_cast<size_t>(std::max(1, threads)));
  {
    std::vector<std::jthread> pool;
    for (size_t i = 1; i < helpers; ++i) pool.emplace_back(run);
    run();
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace meap
