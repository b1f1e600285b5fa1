// Threads for work outside libtorch (tokenising, reading, preparing).
#pragma once

#include <cstddef>
#include <functional>

namespace meap {

/// Number of threads to use when the user named none: the cores this process may run on.
int DefaultThreads();

/// Calls `work(i)` for every i in [0, count) on up to `threads` threads, the caller's included.
/// Items are handed out one by one, in order. The first exception stops the rest and is rethrown
/// here.
void ParallelFor(size_t count, int threads, const std::function<void(size_t)>& work);

}  // namespace meap
