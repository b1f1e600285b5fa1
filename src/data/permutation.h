// A pseudo-random permutation of [0, size) that is computed, not stored.
#pragma once

#include <cstdint>

namespace meap {

/// A fresh order of `size` items for every (seed, epoch), in constant memory and time. A
/// generalised Feistel network (Black and Rogaway, "Ciphers with arbitrary finite domains",
/// CT-RSA 2002) over a rectangle of about sqrt(size) x sqrt(size) cells with Philox as its round
/// function; a result outside [0, size) goes through the network again until it is inside, which
/// keeps it a permutation.
class Permutation {
 public:
  /// size > 0; `salt` separates several permutations of one seed and epoch (mixture sources).
  Permutation(uint64_t seed, uint64_t epoch, uint32_t salt, uint64_t size);

  /// Where the item at `position` < size stands: a bijection of [0, size).
  uint64_t operator()(uint64_t position) const;

 private:
  uint64_t Round(uint32_t round, uint64_t half) const;

  uint64_t seed_;
  uint64_t epoch_;
  uint32_t salt_;
  uint64_t size_;
  uint64_t rows_;     // left half is in [0, rows_)
  uint64_t columns_;  // right half is in [0, columns_)
};

}  // namespace meap
