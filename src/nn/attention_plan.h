// How attention's CPU kernels cut a segment into blocks and lay out packed operands. d head width.
#pragma once

#include <algorithm>
#include <cstdint>

namespace meap {

inline constexpr int64_t kQueryBlock = 64;
inline constexpr int64_t kKeyBlock = 256;
/// Widest vector in f32 numbers: rows of packed operands are padded to it.
inline constexpr int64_t kPadding = 16;

inline int64_t RoundUp(int64_t x, int64_t to) { return (x + to - 1) / to * to; }

/// Geometry of one segment's key blocks; sizes in f32 numbers (32-bit units).
struct KeyBlocks {
  KeyBlocks(int64_t length_in, int64_t head_dim)
      : length(length_in),
        keys(std::min(kKeyBlock, RoundUp(std::max<int64_t>(1, length_in), kPadding))),
        count((length_in + keys - 1) / keys),
        // An odd number of cache lines, so that columns do not fall into the same cache set.
        step(keys + kPadding),
        width(RoundUp(head_dim, kPadding)) {}

  int64_t transposed_size() const { return width * step; }
  int64_t plain_size() const { return keys * width; }
  /// Of one block as the forward pass packs it: keys transposed, then values.
  int64_t packed_size() const { return transposed_size() + plain_size(); }
  /// Keys that block i really has.
  int64_t keys_of(int64_t i) const { return std::min(keys, length - i * keys); }

  int64_t length;  // of the segment, tokens
  int64_t keys;    // of a block
  int64_t count;   // blocks
  int64_t step;    // between rows of a transposed operand and of scores
  int64_t width;   // d, padded
};

}  // namespace meap
