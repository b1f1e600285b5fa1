// What this machine and this process have of memory.
#pragma once

#include <cstdint>

namespace meap {

/// Bytes that the processes of this machine, or of this container, may use together.
int64_t MachineMemory();

/// Bytes that this process holds in memory now, shared libraries and mapped files included.
int64_t ResidentMemory();

/// The most it ever held.
int64_t PeakMemory();

}  // namespace meap
