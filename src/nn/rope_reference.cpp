// The plain libtorch form of the rotary embedding: any device and dtype, and the tests' oracle.
#include <ATen/ATen.h>

#include "nn/rope.h"

namespace meap::reference {
namespace {

at::Tensor Rotated(const at::Tensor& x_NHd, const RopeTable& table, const at::Tensor& positions_N) {
  const auto dtype = x_NHd.scalar_type();
  const at::Tensor cos = table.cos_Pd.index_select(0, positions_N).unsqueeze(1).to(dtype);
  const at::Tensor sin = table.sin_Pd.index_select(0, positions_N).unsqueeze(1).to(dtype);
  const auto halves = x_NHd.chunk(2, -1);
  return at::cat({halves[0] * cos - halves[1] * sin, halves[1] * cos + halves[0] * sin}, -1);
}

}  // namespace

RotatedQkv RotateQkv(const at::Tensor& qkv_NHd, int64_t heads, int64_t kv_heads,
                     const RopeTable& table, const at::Tensor& positions_N) {
  return {Rotated(qkv_NHd.narrow(1, 0, heads), table, positions_N),
          Rotated(qkv_NHd.narrow(1, heads, kv_heads), table, positions_N),
          qkv_NHd.narrow(1, heads + kv_heads, kv_heads)};
}

}  // namespace meap::reference
