// The CPU kernels of rms_norm.h on raw memory, rows [begin, end) of a call: N rows of D.
#pragma once

#include <cstdint>

#include "nn/element.h"

namespace meap {

struct RmsNormForward {
  Element element = Element::kF32;  // of every buffer but `scale`
  int64_t width = 0;                // D
  float eps = 0;
  const void* x = nullptr;      // the residual stream
  const void* delta = nullptr;  // what is added to it first, or null
  const void* weight = nullptr;
  void* sum = nullptr;     // x + delta; unused without delta
  void* normed = nullptr;  // the result
  float* scale = nullptr;  // [N] 1 / sqrt(mean + eps), for the backward pass

  void Run(int64_t begin, int64_t end) const;
};

struct RmsNormBackward {
  Element element = Element::kF32;
  int64_t width = 0;
  const void* x = nullptr;  // what was normed
  const void* weight = nullptr;
  const float* scale = nullptr;
  const void* grad_normed = nullptr;
  const void* grad_sum = nullptr;  // what reaches x + delta from elsewhere, or null
  void* grad_x = nullptr;

  /// Also adds the rows' part of the weight's gradient to grad_weight [D].
  void Run(int64_t begin, int64_t end, float* grad_weight) const;
};

}  // namespace meap
