// Philox4x32-10, the counter-based generator behind every random choice that must not depend on
// order, ranks or resume. Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2,
// 3", SC 2011.
#pragma once

#include <array>
#include <cstdint>

namespace meap {

/// Ten rounds of Philox4x32 on one counter block: a pure function of (counter, key).
inline std::array<uint32_t, 4> Philox4x32(std::array<uint32_t, 4> counter,
                                          std::array<uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t product0 = uint64_t{0xD2511F53} * counter[0];
    const uint64_t product1 = uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<uint32_t>(product1 >> 32) ^ counter[1] ^ key[0],
               static_cast<uint32_t>(product1),
               static_cast<uint32_t>(product0 >> 32) ^ counter[3] ^ key[1],
               static_cast<uint32_t>(product0)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return counter;
}

/// A stream of numbers that is a pure function of its name (seed, stream, a, b): two streams with
/// different names are independent, and any stream can be started without drawing the others.
class PhiloxStream {
 public:
  /// `seed` is the user's; `stream` says what the numbers are for (one constant per use, below);
  /// `a` and `b` name the instance, for instance epoch and sample index.
  PhiloxStream(uint64_t seed, uint32_t stream, uint32_t a, uint64_t b)
      : key_{static_cast<uint32_t>(seed),
             static_cast<uint32_t>(seed >> 32) ^ (stream * 0x85EBCA6Bu)},
        counter_{0, a, static_cast<uint32_t>(b), static_cast<uint32_t>(b >> 32)} {}

  /// The next 32 uniform bits.
  uint32_t NextBits() {
    if (used_ == 4) {
      block_ = Philox4x32(counter_, key_);
      ++counter_[0];
      used_ = 0;
    }
    return block_[used_++];
  }

  /// Uniform integer in [0, bound), bound > 0, without modulo bias (Lemire, 2019).
  uint32_t Below(uint32_t bound) {
    uint64_t product = uint64_t{NextBits()} * bound;
    if (static_cast<uint32_t>(product) < bound) {
      const uint32_t threshold = (0u - bound) % bound;
      while (static_cast<uint32_t>(product) < threshold) product = uint64_t{NextBits()} * bound;
    }
    return static_cast<uint32_t>(product >> 32);
  }

  /// Uniform real in [0, 1) with 24 bits.
  float Uniform() { return static_cast<float>(NextBits() >> 8) * 0x1.0p-24F; }

 private:
  std::array<uint32_t, 2> key_;
  std::array<uint32_t, 4> counter_;
  std::array<uint32_t, 4> block_{};
  int used_ = 4;
};

/// What a PhiloxStream is for. Never reuse or renumber: a run's masks and order depend on them. 3
/// and 6 were reserved once.
namespace random_stream {
inline constexpr uint32_t kMask = 1;
inline constexpr uint32_t kDataOrder = 2;
inline constexpr uint32_t kSampling = 4;
inline constexpr uint32_t kSynthesis = 5;
inline constexpr uint32_t kMaskStep = 7;     // one list of masks for a whole step
inline constexpr uint32_t kMaskReplace = 8;  // what a chosen input becomes
}  // namespace random_stream

}  // namespace meap
