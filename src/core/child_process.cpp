#include "core/child_process.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <thread>

#include "core/error.h"
#include "core/signals.h"

namespace meap {
namespace {

constexpr int kCannotStart = 127;

/// Between fork and exec only what is safe after a fork of many threads. Does not return.
[[noreturn]] void Become(char** words, const char* out, const char* log, pid_t parent) {
  setpgid(0, 0);  // a terminal's ^C reaches us alone; we pass it on once
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(kCannotStart);  // the parent died before the line above
  const int nothing = open("/dev/null", O_RDONLY);
  const int to_out = open(out, O_WRONLY | O_CREAT | O_TRUNC, 0666);
  const int to_log = open(log, O_WRONLY | O_CREAT | O_APPEND, 0666);
  if (nothing < 0 || to_out < 0 || to_log < 0) _exit(kCannotStart);
  dup2(nothing, STDIN_FILENO);
  dup2(to_out, STDOUT_FILENO);
  dup2(to_log, STDERR_FILENO);
  execv(words[0], words);
  _exit(kCannotStart);
}

}  // namespace

fs::path OwnExecutable() { return fs::read_symlink("/proc/self/exe"); }

int RunChild(const std::vector<std::string>& words, const fs::path& out, const fs::path& log) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const pid_t self = getpid();
  const pid_t child = fork();
  if (child < 0) {
    throw WorkError({.what = "cannot start a program", .where = words[0], .got = strerror(errno)});
  }
  if (child == 0) Become(arguments.data(), out.c_str(), log.c_str(), self);
  bool told = false;
  while (true) {
    int status = 0;
    const pid_t ended = waitpid(child, &status, WNOHANG);
    if (ended == child && WIFEXITED(status)) {
      if (WEXITSTATUS(status) == kCannotStart) {
        throw WorkError({.what = "cannot start a program",
                         .where = words[0],
                         .hint = "look whether " + out.parent_path().string() + " can be written"});
      }
      return WEXITSTATUS(status);
    }
    if (ended == child && WIFSIGNALED(status)) return 128 + WTERMSIG(status);
    if (!told && SignalGuard::Requested()) {
      kill(child, SIGTERM);
      told = true;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

}  // namespace meap
