// How every program of ours sets jemalloc. A training step frees and takes the same large blocks
// again and again: given back to the kernel in between, they cost a quarter of a small model's step
// in page faults and clearing. So freed memory is kept, and for batches of one size the peak does
// not change. Batches of many sizes leave pieces that fit nothing: a kept piece may serve any
// smaller request (lg_extent_max_active_fit), and training gives all back when too much is kept
// (see ReleaseFreedMemory).
extern "C" {
// NOLINTNEXTLINE(readability-identifier-naming): jemalloc looks for this name.
extern const char* malloc_conf;
const char* malloc_conf = "dirty_decay_ms:-1,muzzy_decay_ms:-1,lg_extent_max_active_fit:40";
}
