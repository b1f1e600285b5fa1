// One forward and backward pass over some rows.
#pragma once

#include "model/llama.h"
#include "objective/rows.h"

namespace meap {

/// Sums over positions with loss, and of them over those whose own input was masked, and over those
/// soon after a mask (MaskRegion).
struct LossSums {
  double nll = 0;
  int64_t tokens = 0;
  double masked_nll = 0;
  int64_t masked_tokens = 0;
  double after_nll = 0;
  int64_t after_tokens = 0;

  double Mean() const { return nll / static_cast<double>(tokens); }
  LossSums& operator+=(const LossSums& other);
};

/// Adds to every parameter's gradient that of scale * (sum of the losses of `rows`), and returns
/// the sums. `scale` is 1 / (tokens with loss in the whole global batch).
LossSums ForwardBackward(const Llama& model, const TrainingRows& rows, double scale);

/// The sums alone, without gradients: validation.
LossSums ForwardLoss(const Llama& model, const TrainingRows& rows);

}  // namespace meap
