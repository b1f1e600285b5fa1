// The CPU kernel of linear_cross_entropy.h on raw memory: softmax, loss and gradient of logit rows.
#pragma once

#include <cstdint>

#include "nn/element.h"

namespace meap {

struct SoftmaxLoss {
  Element element = Element::kF32;
  int64_t vocabulary = 0;
  void* logits = nullptr;            // [rows, V]; becomes the gradient where one is wanted
  const int64_t* targets = nullptr;  // [rows]
  float* nll = nullptr;              // [rows]
  bool wants_gradient = false;
  float scale = 0;  // gradient = scale * (softmax - onehot)

  /// Rows [begin, end).
  void Run(int64_t begin, int64_t end) const;
};

}  // namespace meap
