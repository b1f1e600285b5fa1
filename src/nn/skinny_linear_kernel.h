// The CPU kernel of skinny_linear.h on raw memory. Its time is that of streaming the weights from
// memory, once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "nn/element.h"

namespace meap {

/// A weight as packed_weight.h packs it: tiles of 4 rows, each in steps of 32 columns. A step holds
/// the rows' signs and mantissas, a byte each, and then the rows' exponents, 4 bits each: one
/// stream of whole cache lines, whatever the shape.
struct PackedTiles {
  static constexpr int64_t kRows = 4;
  static constexpr int64_t kColumns = 32;
  static constexpr int64_t kStepBytes = kRows * kColumns * 3 / 2;
  static constexpr int64_t Steps(int64_t width) { return (width + kColumns - 1) / kColumns; }

  const uint8_t* data = nullptr;
  const uint16_t* largest = nullptr;  // exponent of each row, in the bits where bf16 has it
  // Steps of tile t that do not fit 4 bits and are read from the weight itself: wide[i] for i from
  // first_wide[t] to first_wide[t + 1], rising.
  const int32_t* first_wide = nullptr;
  const int32_t* wide = nullptr;
};

struct SkinnyProduct {
  Element element = Element::kF32;  // of x, weight and bias, and of out unless out_f32
  int64_t tokens = 0;               // N
  int64_t width = 0;                // I
  int64_t rows = 0;                 // O
  const void* x = nullptr;          // [N, I]
  const void* weight = nullptr;     // [O, I]
  PackedTiles packed = {};          // the same, or nothing
  const void* bias = nullptr;       // [O] or null
  bool out_f32 = false;
  void* out = nullptr;  // [N, O]

  /// f32 numbers that Prepare writes and Run reads; give them with `widened`.
  int64_t WorkspaceSize() const;
  float* widened = nullptr;
  /// Once, before the first Run.
  void Prepare() const;
  /// Results of the weight's rows [begin, end). Each is summed in one order, whatever the tokens
  /// beside it, the cuts between rows and the form of the weight. Of packed weights, `begin` is a
  /// tile's first row.
  void Run(int64_t begin, int64_t end) const;
  /// What Run reads of the weight, one row after another.
  std::span<const std::byte> Stored(int64_t begin, int64_t end) const;
};

}  // namespace meap
