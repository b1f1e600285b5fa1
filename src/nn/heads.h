// How tensors [N, heads, d] stand in memory, as attention's kernels and caches want them.
#pragma once

#include <ATen/core/Tensor.h>

#include "nn/attention_kernel.h"

namespace meap {

/// Whether a token's heads and their elements stand without gaps; tokens may stand apart.
inline bool HasDenseHeads(const at::Tensor& x_NHd) {
  return x_NHd.stride(2) == 1 && (x_NHd.size(1) == 1 || x_NHd.stride(1) == x_NHd.size(2));
}

/// x itself where its heads are dense, else a copy.
inline at::Tensor DenseHeads(const at::Tensor& x_NHd) {
  return HasDenseHeads(x_NHd) ? x_NHd : x_NHd.contiguous();
}

/// The tokens of a tensor with dense heads.
inline TokenRows RowsOf(const at::Tensor& x_NHd) {
  return {x_NHd.const_data_ptr(), x_NHd.stride(0)};
}

}  // namespace meap
