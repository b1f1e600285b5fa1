// What this machine and this process have of memory.
#pragma once

#include <cstdint>

namespace meap {

/// Bytes that the processes of this machine, or of this container, may use together.
int64_t MachineMemory();

/// Bytes that this process could take now without others being pushed out of memory.
int64_t AvailableMemory();

/// Bytes that this process holds in memory now, shared libraries and mapped files included.
int64_t ResidentMemory();

/// The same without libraries and files.
int64_t AnonymousMemory();

/// The most it ever held.
int64_t PeakMemory();

/// Gives the freed memory that jemalloc keeps back to the system; nothing where another allocator
/// is linked. What needs it next pays for it in page faults.
void ReleaseFreedMemory();

/// Watches a work that takes and frees blocks of ever other sizes, so that the allocator keeps more
/// and more that fits nothing.
class MemoryWatch {
 public:
  /// Of what a work takes, how much more the allocator may keep.
  static constexpr double kSlack = 0.1;

  /// `limit`: bytes that the process may hold.
  explicit MemoryWatch(double limit) : limit_(limit) {}
  /// For a work that frees all that it takes before each Look().
  MemoryWatch() : MemoryWatch((1 + kSlack) * static_cast<double>(AnonymousMemory())) {}
  /// Between two pieces of the work: releases freed memory when the process holds more than the
  /// limit, and raises the limit when that did not help.
  void Look();

 private:
  double limit_;
  bool released_ = false;  // the last time
};

}  // namespace meap
