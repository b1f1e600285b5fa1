#include "core/signals.h"

#include <csignal>

namespace meap {
namespace {

volatile std::sig_atomic_t received = 0;
volatile std::sig_atomic_t save_requested = 0;

void Receive(int signal) {
  received = signal;
  std::signal(signal, SIG_DFL);
}

void NoteSaveRequest(int signal) {
  save_requested = 1;
  std::signal(signal, NoteSaveRequest);
}

}  // namespace

SignalGuard::SignalGuard() {
  received = 0;
  save_requested = 0;
  std::signal(SIGUSR1, NoteSaveRequest);
  std::signal(SIGINT, Receive);
  std::signal(SIGTERM, Receive);
}

SignalGuard::~SignalGuard() {
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
  std::signal(SIGUSR1, SIG_DFL);
}

std::optional<ExitCode> SignalGuard::Requested() {
  if (received == SIGINT) return ExitCode::kInterrupted;
  if (received == SIGTERM) return ExitCode::kTerminated;
  return std::nullopt;
}

void SignalGuard::StopIfRequested() {
  if (const auto code = Requested()) throw Error(*code, {.what = "stopped by a signal"});
}

bool SignalGuard::TakeSaveRequest() {
  if (save_requested == 0) return false;
  save_requested = 0;
  return true;
}

}  // namespace meap
