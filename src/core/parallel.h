// Threads for work outside libtorch (tokenising, reading, preparing).
#pragma once

#include <cstddef>
#include <functional>

namespace meap {

/// Number of threads to use when the user named none: OMP_NUM_THREADS where it is set, as for
/// PyTorch, else the cores this process may run on.
int DefaultThreads();

/// Makes threads of an operator that wait for each other give their core away after some 20
/// microseconds (GOMP_SPINCOUNT), unless the user's environment says how to wait. OpenMP's default
/// spins for milliseconds: ten to twenty times slower as soon as another program wants a core, for
/// at most some 10 % on a machine of one's own (bench/results/waiting.md). OpenMP reads the setting
/// when it is loaded, so this starts the program anew with the same words: call it before anything
/// is done.
void WaitWithoutSpinning();

/// Calls `work(i)` for every i in [0, count) on up to `threads` threads, the caller's included.
/// Items are handed out one by one, in order. The first exception stops the rest and is rethrown
/// here.
void ParallelFor(size_t count, int threads, const std::function<void(size_t)>& work);

}  // namespace meap
