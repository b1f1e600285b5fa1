// Attention of new tokens to a key/value cache: generation and everything else without a gradient.
// Shapes: N new tokens of all sequences, H query heads, K key/value heads, d head width, C capacity
// of a cache in tokens.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace meap {

/// One sequence, the first `length` tokens of a cache: the last `fresh` of them ask, all of them
/// answer. Keys and values of the new tokens stand in the cache already. (The whole cache and a
/// number: views of it, one a layer and sequence, took a tenth of decoding's time.)
struct CachedSequence {
  at::Tensor k_CKd;
  at::Tensor v_CKd;
  int64_t length = 0;
  int64_t fresh = 1;
};

/// softmax(q k^T / sqrt(d)) v, causal: query i of a sequence sees its first length - fresh + i + 1
/// keys. q_NHd holds the sequences' queries one after another; result [N, H, d]. No gradient. Where
/// every sequence has one new token, none's result depends on the others, bit for bit.
at::Tensor CachedAttention(const at::Tensor& q_NHd, const std::vector<CachedSequence>& sequences);

namespace reference {
/// The same in plain libtorch, for every device and dtype.
at::Tensor CachedAttention(const at::Tensor& q_NHd, const std::vector<CachedSequence>& sequences);
}  // namespace reference

}  // namespace meap
