// CPython's `random`, as far as the authors' released code uses it: seeding by an integer and
// random.sample, number for number. Generator: Matsumoto, Nishimura, "Mersenne Twister", ACM TOMACS
// 1998.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace meap {

/// random.Random(seed) of CPython 3.11 for 0 <= seed < 2^32.
class PythonRandom {
 public:
  explicit PythonRandom(uint32_t seed);

  /// getrandbits(32): the next 32 uniform bits.
  uint32_t NextBits();
  /// randrange(bound), 0 < bound < 2^32.
  uint32_t Below(uint32_t bound);
  /// sample(range(0, size), count) for count <= size < 2^31, in its order.
  std::vector<int32_t> Sample(uint32_t size, uint32_t count);

 private:
  static constexpr int kWords = 624;
  void Refill();

  std::array<uint32_t, kWords> state_;
  int next_ = kWords;
};

}  // namespace meap
