// The CPU kernel of rope.h on raw memory.
#pragma once

#include <cstdint>

#include "nn/element.h"

namespace meap {

/// Rotates heads: `from` and `to` may be one memory. Tokens stand `*_stride` elements apart, heads
/// head_dim elements; cos and sin are [P, head_dim / 2]. `inverse` turns the other way: the
/// gradient.
struct Rotation {
  Element element = Element::kF32;
  int64_t heads = 0;
  int64_t head_dim = 0;
  bool inverse = false;
  const float* cos = nullptr;
  const float* sin = nullptr;
  const int64_t* positions = nullptr;
  const void* from = nullptr;
  int64_t from_stride = 0;
  void* to = nullptr;
  int64_t to_stride = 0;

  /// Tokens [begin, end).
  void Run(int64_t begin, int64_t end) const;
};

}  // namespace meap
