#include "data/permutation.h"

#include <cmath>

#include "core/error.h"
#include "core/philox.h"

namespace meap {
namespace {

constexpr uint32_t kRounds = 8;

}  // namespace

Permutation::Permutation(uint64_t seed, uint64_t epoch, uint32_t salt, uint64_t size)
    : seed_(seed), epoch_(epoch), salt_(salt), size_(size) {
  MEAP_CHECK(size > 0 && size < uint64_t{1} << 62, "permutation of " + std::to_string(size));
  rows_ = static_cast<uint64_t>(std::sqrt(static_cast<double>(size)));
  while (rows_ * rows_ < size) ++rows_;
  columns_ = (size + rows_ - 1) / rows_;
}

uint64_t Permutation::Round(uint32_t round, uint64_t half) const {
  // Halves are below 2^31, so one counter block names the round, the half and the permutation.
  const std::array<uint32_t, 2> key = {
      static_cast<uint32_t>(seed_),
      static_cast<uint32_t>(seed_ >> 32) ^ (random_stream::kDataOrder * 0x85EBCA6Bu)};
  const std::array<uint32_t, 4> bits =
      Philox4x32({round, salt_, static_cast<uint32_t>(half), static_cast<uint32_t>(epoch_)}, key);
  return uint64_t{bits[0]} << 32 | bits[1];
}

uint64_t Permutation::operator()(uint64_t position) const {
  MEAP_CHECK(position < size_, "position outside the permutation");
  do {
    uint64_t left = position % rows_;
    uint64_t right = position / rows_;
    for (uint32_t round = 0; round < kRounds; round += 2) {
      left = (left + Round(round, right) % rows_) % rows_;
      right = (right + Round(round + 1, left) % columns_) % columns_;
    }
    position = right * rows_ + left;
  } while (position >= size_);
  return position;
}

}  // namespace meap
