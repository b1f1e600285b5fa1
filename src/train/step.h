// One forward and backward pass over some rows.
#pragma once

#include <vector>

#include "model/llama.h"
#include "objective/rows.h"

namespace meap {

/// Summed losses of some positions.
struct LossSum {
  double nll = 0;
  int64_t tokens = 0;

  /// 0 of no position.
  double Mean() const { return tokens > 0 ? nll / static_cast<double>(tokens) : 0; }
  LossSum& operator+=(const LossSum& other);
};

/// Sums over all positions with loss, and over those of each region (TrainingRows::regions).
struct LossSums {
  LossSum all;
  std::vector<LossSum> regions = {};  // by region; empty where the rows name none
  std::vector<int64_t> broken = {};   // ids of samples with a loss that is not finite

  LossSums& operator+=(const LossSums& other);
};

/// Adds to every parameter's gradient that of scale * (sum of the losses of `rows`), and returns
/// the losses by position, padding left out, f32, on the model's device: whoever sums them waits
/// for it.
/// `scale` is 1 / (tokens with loss in the whole global batch).
at::Tensor ForwardBackward(const Llama& model, const TrainingRows& rows, double scale);

/// Sums of the losses of rows; nll_N as ForwardBackward gives them.
LossSums SumLosses(const at::Tensor& nll_N, const TrainingRows& rows);

/// The sums without gradients: validation.
LossSums ForwardLoss(const Llama& model, const TrainingRows& rows);

}  // namespace meap
