#include "objective/python_random.h"

#include <bit>
#include <numeric>

#include "core/error.h"

namespace meap {

/// The generator's seeding by an array of words, which is how CPython seeds by an integer: here the
/// array has one word, so its index is always 0.
PythonRandom::PythonRandom(uint32_t seed) {
  state_[0] = 19650218;
  for (uint32_t i = 1; i < kWords; ++i) {
    state_[i] = 1812433253u * (state_[i - 1] ^ (state_[i - 1] >> 30)) + i;
  }
  uint32_t i = 1;
  const auto step = [&](uint32_t factor) {
    const uint32_t before = state_[i - 1];
    state_[i] ^= (before ^ (before >> 30)) * factor;
    return i;
  };
  const auto advance = [&] {
    if (++i < kWords) return;
    state_[0] = state_[kWords - 1];
    i = 1;
  };
  for (int k = 0; k < kWords; ++k, advance()) state_[step(1664525)] += seed;
  for (int k = 0; k < kWords - 1; ++k, advance()) {
    const uint32_t at = step(1566083941);
    state_[at] -= at;
  }
  state_[0] = 0x80000000u;
}

void PythonRandom::Refill() {
  constexpr int kShift = 397;
  for (int k = 0; k < kWords; ++k) {
    const uint32_t y = (state_[k] & 0x80000000u) | (state_[(k + 1) % kWords] & 0x7fffffffu);
    state_[k] = state_[(k + kShift) % kWords] ^ (y >> 1) ^ ((y & 1) != 0 ? 0x9908b0dfu : 0u);
  }
  next_ = 0;
}

uint32_t PythonRandom::NextBits() {
  if (next_ == kWords) Refill();
  uint32_t y = state_[next_++];
  y ^= y >> 11;
  y ^= (y << 7) & 0x9d2c5680u;
  y ^= (y << 15) & 0xefc60000u;
  return y ^ (y >> 18);
}

uint32_t PythonRandom::Below(uint32_t bound) {
  const int unused = std::countl_zero(bound);
  uint32_t drawn = NextBits() >> unused;
  while (drawn >= bound) drawn = NextBits() >> unused;
  return drawn;
}

std::vector<int32_t> PythonRandom::Sample(uint32_t size, uint32_t count) {
  MEAP_CHECK(count <= size, "a sample larger than its population");
  // CPython takes whichever of a pool and a set it reckons smaller, and the two draw differently:
  // a set costs 4 to the power ceil(log4(3 * count)) beyond five elements.
  uint64_t set_size = 21;
  if (count > 5) {
    uint64_t table = 1;
    while (table < uint64_t{3} * count) table *= 4;
    set_size += table;
  }
  std::vector<int32_t> sample;
  if (size <= set_size) {
    std::vector<int32_t> pool(size);
    std::iota(pool.begin(), pool.end(), 0);
    for (uint32_t i = 0; i < count; ++i) {
      const uint32_t at = Below(size - i);
      sample.push_back(pool[at]);
      pool[at] = pool[size - i - 1];
    }
    return sample;
  }
  std::vector<bool> taken(size);
  while (sample.size() < count) {
    const uint32_t at = Below(size);
    if (taken[at]) continue;
    taken[at] = true;
    sample.push_back(static_cast<int32_t>(at));
  }
  return sample;
}

}  // namespace meap
