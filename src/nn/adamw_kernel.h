// The CPU kernels of adamw.h on raw memory.
#pragma once

#include <cstdint>

#include "nn/element.h"

namespace meap {

/// One update with every factor worked out: see AdamWUpdate for the formula.
struct AdamWStep {
  float grad_scale;
  float beta1;
  float beta2;
  float keep;       // 1 - lr * decay
  float step_size;  // lr / (1 - beta1^step)
  float root;       // 1 / sqrt(1 - beta2^step)
  float eps;
  Element grad_element;
  const void* grad;
  float* master;
  float* m;
  float* v;
  Element copy_element;
  void* copy;  // or null

  /// Elements [begin, end).
  void Run(int64_t begin, int64_t end) const;
};

/// Sum of squares of `count` elements: f32 within short stretches, f64 over them.
double SumOfSquares(Element element, const void* x, int64_t count);

}  // namespace meap
