// Attention as numbers to measure: softmax rows, made for a block of queries at a time and handed
// to observers, so that memory does not grow with T^2 x layers x heads.
// Shapes: R sequences of T tokens each, H query heads, K key/value heads, d head width, B queries
// of a block, S keys that the block's last query sees (the first S of the sequence).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "nn/attention.h"

namespace meap {

/// Attention of some queries of one layer: softmax(q k^T / sqrt(d)), in f32 whatever the model's
/// dtype. Rows sum to 1; what a query does not see (keys behind it) is 0.
struct AttentionBlock {
  int64_t layer = 0;
  int64_t first_query = 0;  // place of the block's first query in its sequence
  at::Tensor weights_RHBS;  // valid during Observe() only

  int64_t queries() const { return weights_RHBS.size(2); }
  int64_t keys() const { return weights_RHBS.size(3); }
};

/// Reduces blocks to a measure as they come. Blocks of a layer come in ascending order.
class AttentionObserver {
 public:
  virtual ~AttentionObserver() = default;
  virtual void Observe(const AttentionBlock& block) = 0;
};

/// Attends like PackedAttender over `sequences` sequences of `length` tokens that stand one after
/// another, and shows the observers every query from `first_query` on, of every layer.
class AttentionStream : public Attender {
 public:
  AttentionStream(int64_t sequences, int64_t length, std::vector<AttentionObserver*> observers,
                  int64_t first_query = 0);

  at::Tensor Attend(int64_t layer, const at::Tensor& q_NHd, const at::Tensor& k_NKd,
                    const at::Tensor& v_NKd) override;

 private:
  void Show(int64_t layer, const at::Tensor& q_NHd, const at::Tensor& k_NKd) const;

  int64_t sequences_;
  int64_t length_;
  std::vector<AttentionObserver*> observers_;
  int64_t first_query_;
  Segments segments_;
};

}  // namespace meap
