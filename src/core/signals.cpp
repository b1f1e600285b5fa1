#include "core/signals.h"

#include <csignal>

namespace meap {
namespace {

volatile std::sig_atomic_t received = 0;

void Receive(int signal) {
  received = signal;
  std::signal(signal, SIG_DFL);
}

}  // namespace

SignalGuard::SignalGuard() {
  received = 0;
  std::signal(SIGINT, Receive);
  std::signal(SIGTERM, Receive);
}

SignalGuard::~SignalGuard() {
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
}

std::optional<ExitCode> SignalGuard::Requested() {
  if (received == SIGINT) return ExitCode::kInterrupted;
  if (received == SIGTERM) return ExitCode::kTerminated;
  return std::nullopt;
}

}  // namespace meap
