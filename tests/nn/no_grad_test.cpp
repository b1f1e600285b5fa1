// Without a gradient to keep, operators take a shorter way: to the same bits.
#include "nn/rms_norm.h"
#include "nn/rope.h"
#include "nn/swiglu.h"
#include "tests/nn/operator_support.h"

namespace meap {
namespace {

using testing::Normal;
using Tensors = std::vector<at::Tensor>;

void ExpectTheSame(const std::function<Tensors()>& op) {
  const Tensors with = op();
  const at::NoGradGuard no_grad;
  const Tensors without = op();
  ASSERT_EQ(with.size(), without.size());
  for (size_t i = 0; i < with.size(); ++i) {
    EXPECT_TRUE(at::equal(with[i], without[i]));
    EXPECT_FALSE(without[i].requires_grad());
  }
}

TEST(NoGrad, ResultsAreTheSame) {
  const RopeTable table = MakeRopeTable({}, 8, 40, at::kCPU);
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    const at::Tensor x = Normal({40, 24}, dtype, 1);
    const at::Tensor delta = Normal({24, 40}, dtype, 2).t();
    const at::Tensor weight = Normal({24}, at::kFloat, 3);
    ExpectTheSame([&] { return Tensors{RmsNorm(x, weight, 1e-5)}; });
    ExpectTheSame([&] {
      const auto [sum, normed] = AddRmsNorm(x, delta, weight, 1e-5);
      return Tensors{sum, normed};
    });
    ExpectTheSame([&] { return Tensors{SwiGlu(delta)}; });
    ExpectTheSame([&] {
      const at::Tensor qkv = Normal({40, 6, 8}, dtype, 4);
      const RotatedQkv out = RotateQkv(qkv.clone(), 4, 1, table, at::arange(40, at::kLong));
      return Tensors{out.q_NHd, out.k_NKd, out.v_NKd};
    });
  }
}

}  // namespace
}  // namespace meap
