// Attention of new tokens to a key/value cache: generation and everything else without a gradient.
// Shapes: N new tokens of all sequences, H query heads, K key/value heads, d head width, T tokens
// of one sequence, cached and new.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace meap {

/// One sequence: its last `fresh` tokens ask, all of them answer. Keys and values of the new tokens
/// stand in the cache already.
struct CachedSequence {
  at::Tensor k_TKd;
  at::Tensor v_TKd;
  int64_t fresh = 1;
};

/// softmax(q k^T / sqrt(d)) v, causal: query i of a sequence sees its first T - fresh + i + 1 keys.
/// q_NHd holds the sequences' queries one after another; result [N, H, d]. No gradient. Where every
/// sequence has one new token, none's result depends on the others, bit for bit.
at::Tensor CachedAttention(const at::Tensor& q_NHd, const std::vector<CachedSequence>& sequences);

namespace reference {
/// The same in plain libtorch, for every device and dtype.
at::Tensor CachedAttention(const at::Tensor& q_NHd, const std::vector<CachedSequence>& sequences);
}  // namespace reference

}  // namespace meap
