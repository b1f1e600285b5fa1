// The CPU kernel of packed_weight.h on raw memory, for CPUs with AVX-512.
#pragma once

#include <cstdint>
#include <vector>

#include "nn/element.h"

namespace meap {

/// A weight [O, I] on its way into the form of PackedTiles.
struct Packing {
  const Bf16* weight = nullptr;
  int64_t rows = 0;   // O
  int64_t width = 0;  // I
  uint8_t* data = nullptr;
  uint16_t* largest = nullptr;

  /// Packs one tile, with zeros beyond the last row; returns the steps that do not fit.
  std::vector<int32_t> Tile(int64_t tile) const;
};

}  // namespace meap
