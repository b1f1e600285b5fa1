// What masks do to attention, the paper's two numbers: score decay and variance increase.
//
// A[i,j] is the attention of query i on key j <= i of one head, M the masked positions of a
// sequence of T tokens, U the others, U_i those of U up to i. Counted are the queries
// Q = {i : U_i is not empty}: a query that sees masks alone tells nothing of how masks compete.
//
//   received = sum of A[i,j] over i in Q, j in M, j <= i, divided by the number of such pairs
//   variance = mean over queries with |U_i| >= 2 of the variance of A[i,j] over j in U_i
//              (divisor |U_i|)
//
// Both are taken twice, at the same M: with the text as it is, X, and with [MASK] at M, X'. Then
// over sequences (and over heads and layers, for a figure that covers several)
//
//   decay             = 1 - mean received(X') / mean received(X)
//   variance increase = mean variance(X') / mean variance(X) - 1
//
// Shapes: R sequences, T tokens, L layers, H heads; others as in attention_stream.h.
#pragma once

#include <ATen/core/Tensor.h>

#include "analysis/attention_stream.h"

namespace meap {

/// `received` and `variance` of each sequence, layer and head.
struct MaskStatistics {
  at::Tensor received_RLH;  // f64, on the CPU
  at::Tensor variance_RLH;
};

/// Takes both for masked positions given. A sequence with no masked, or fewer than two other
/// positions, has no statistics: MEAP_CHECK.
class MaskEffectObserver : public AttentionObserver {
 public:
  /// `masked_RT`: true at the positions of M.
  MaskEffectObserver(const at::Tensor& masked_RT, int64_t layers, int64_t heads);

  void Observe(const AttentionBlock& block) override;
  MaskStatistics Result() const;

 private:
  at::Tensor masked_RT_;         // f32: 1 at M
  at::Tensor others_RT_;         // f32: 1 at U
  at::Tensor others_before_RT_;  // f32: |U_i|
  at::Tensor received_LRH_;      // sums so far, f64
  at::Tensor variance_LRH_;
};

}  // namespace meap
