#include "nn/rope.h"

#include "nn/attention.h"
#include "tests/nn/operator_support.h"

namespace meap {
namespace {

using testing::Normal;
using Tensors = std::vector<at::Tensor>;

at::Tensor Positions(int64_t tokens) { return at::arange(tokens, at::kLong).remainder(13); }

RopeTable Table(int64_t d, at::ScalarType dtype = at::kFloat) {
  RopeTable table = MakeRopeTable({}, d, 64, at::kCPU);
  return {table.cos_Pd.to(dtype), table.sin_Pd.to(dtype)};
}

/// The kernel works in place, hence on a copy; the reference must not see the copy's memory.
testing::Operator Split(bool kernel, int64_t heads, int64_t kv_heads, int64_t d,
                        at::ScalarType table_dtype = at::kFloat) {
  return [=](const Tensors& in) -> Tensors {
    const auto split = kernel ? RotateQkv : reference::RotateQkv;
    auto parts =
        split(in[0].clone(), heads, kv_heads, Table(d, table_dtype), Positions(in[0].size(0)));
    return {parts.q_NHd, parts.k_NKd, parts.v_NKd};
  };
}

TEST(Rope, ReferenceGradientsMatchDifferences) {
  testing::ExpectGradientsMatchDifferences(Split(false, 2, 1, 6, at::kDouble),
                                           {Normal({5, 4, 6}, at::kDouble, 1)});
}

TEST(Rope, KernelEqualsReference) {
  for (at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    for (int64_t d : {2, 6, 48, 64, 66}) {
      for (int64_t tokens : {1, 19}) {
        SCOPED_TRACE("d " + std::to_string(d) + ", " + std::to_string(tokens) + " tokens");
        testing::ExpectParity(Split(true, 4, 2, d), Split(false, 4, 2, d),
                              {Normal({tokens, 8, d}, dtype, 1)}, testing::Tolerance(dtype));
      }
    }
  }
}

/// Through attention the three gradients are one memory, which the rotation takes as it is.
TEST(Rope, GradientThroughAttentionEqualsReference) {
  const int64_t heads = 4, kv_heads = 2, d = 16;
  const Segments segments{{0, 20, 31}};
  const auto through = [&](bool kernel) {
    return [=](const Tensors& in) -> Tensors {
      const Tensors qkv = Split(kernel, heads, kv_heads, d)(in);
      const auto attend = kernel ? PackedAttention : reference::PackedAttention;
      return {attend(qkv[0], qkv[1], qkv[2], segments)};
    };
  };
  testing::ExpectParity(through(true), through(false),
                        {Normal({31, heads + 2 * kv_heads, d}, at::kFloat, 1)}, 2e-5);
}

TEST(Rope, PositionBeyondTheTableIsRefused) {
  const at::Tensor qkv = Normal({1, 3, 4}, at::kFloat, 1);
  EXPECT_THROW(RotateQkv(qkv, 1, 1, Table(4), at::full({1}, 64, at::kLong)), std::logic_error);
}

}  // namespace
}  // namespace meap
