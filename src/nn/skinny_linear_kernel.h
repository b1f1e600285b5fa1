// The CPU kernel of skinny_linear.h on raw memory. Its time is that of streaming the weights from
// memory, once.
#pragma once

#include <cstdint>

#include "nn/element.h"

namespace meap {

struct SkinnyProduct {
  Element element = Element::kF32;  // of x, weight and bias, and of out unless out_f32
  int64_t tokens = 0;               // N
  int64_t width = 0;                // I
  int64_t rows = 0;                 // O
  const void* x = nullptr;          // [N, I]
  const void* weight = nullptr;     // [O, I]
  const void* bias = nullptr;       // [O] or null
  bool out_f32 = false;
  void* out = nullptr;  // [N, O]

  /// f32 numbers that Prepare writes and Run reads; give them with `widened`.
  int64_t WorkspaceSize() const;
  float* widened = nullptr;
  /// Once, before the first Run.
  void Prepare() const;
  /// Results of the weight's rows [begin, end). Each is summed in one order, whatever the tokens
  /// beside it and the cuts between rows.
  void Run(int64_t begin, int64_t end) const;
};

}  // namespace meap
