// How every program of ours sets jemalloc. A training step frees and takes the same large blocks
// again and again: given back to the kernel in between, they cost a quarter of a small model's step
// in page faults and clearing. So freed memory is kept; the peak does not change.
extern "C" {
// NOLINTNEXTLINE(readability-identifier-naming): jemalloc looks for this name.
extern const char* malloc_conf;
const char* malloc_conf = "dirty_decay_ms:-1,muzzy_decay_ms:-1";
}
