#include "nn/rms_norm.h"

#include "tests/nn/operator_support.h"

namespace meap {
namespace {

using testing::Normal;
using Tensors = std::vector<at::Tensor>;

constexpr double kEps = 1e-5;

Tensors Plain(const Tensors& in) { return {RmsNorm(in[0], in[1], kEps)}; }
Tensors PlainReference(const Tensors& in) { return {reference::RmsNorm(in[0], in[1], kEps)}; }
Tensors Adding(const Tensors& in) {
  auto [sum, normed] = AddRmsNorm(in[0], in[1], in[2], kEps);
  return {sum, normed};
}
Tensors AddingReference(const Tensors& in) {
  auto [sum, normed] = reference::AddRmsNorm(in[0], in[1], in[2], kEps);
  return {sum, normed};
}

TEST(RmsNorm, ReferenceGradientsMatchDifferences) {
  testing::ExpectGradientsMatchDifferences(
      AddingReference, {Normal({3, 5}, at::kDouble, 1), Normal({3, 5}, at::kDouble, 2),
                        Normal({5}, at::kDouble, 3)});
}

TEST(RmsNorm, KernelEqualsReference) {
  for (at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    for (auto [rows, width] : {std::pair{1, 1}, {1, 288}, {5, 7}, {67, 33}, {130, 512}, {3, 16}}) {
      SCOPED_TRACE(std::to_string(rows) + " x " + std::to_string(width));
      // The weight's gradient sums over rows, and in bf16 the reference rounds every term.
      const double tolerance = testing::Tolerance(dtype);
      testing::ExpectParity(Plain, PlainReference,
                            {Normal({rows, width}, dtype, 1), Normal({width}, dtype, 2)},
                            tolerance);
      testing::ExpectParity(Adding, AddingReference,
                            {Normal({rows, width}, dtype, 1), Normal({rows, width}, dtype, 3),
                             Normal({width}, dtype, 2)},
                            tolerance);
    }
  }
}

TEST(RmsNorm, NormsHeadsOneByOneAndLeavesValues) {
  const auto heads = [](const Tensors& in) -> Tensors {
    return {NormHeads(in[0], 3, in[1], in[2], kEps)};
  };
  const auto by_hand = [](const Tensors& in) -> Tensors {
    Tensors normed;
    for (int64_t head = 0; head < 7; ++head) {
      const at::Tensor x = in[0].select(1, head);
      normed.push_back(head < 5 ? reference::RmsNorm(x, in[head < 3 ? 1 : 2], kEps) : x);
    }
    return {at::stack(normed, 1)};
  };
  for (at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    testing::ExpectParity(
        heads, by_hand,
        {Normal({5, 7, 18}, dtype, 1), Normal({18}, dtype, 2), Normal({18}, dtype, 3)},
        testing::Tolerance(dtype));
  }
}

TEST(RmsNorm, GradientOfTheSumAlone) {
  const Tensors in = {Normal({4, 8}, at::kFloat, 1), Normal({4, 8}, at::kFloat, 2),
                      Normal({8}, at::kFloat, 3)};
  const at::Tensor sum = Adding(in)[0];
  const auto grads = torch::autograd::grad({sum.sum()}, {in[0], in[1]});
  EXPECT_TRUE(at::equal(grads[0], at::ones({4, 8})));
  EXPECT_TRUE(at::equal(grads[1], at::ones({4, 8})));
}

TEST(RmsNorm, WeightOfAnotherDtypeGetsItsOwnGradient) {
  const at::Tensor x = Normal({4, 8}, at::kBFloat16, 1);
  const at::Tensor weight = Normal({8}, at::kFloat, 2);
  const at::Tensor y = RmsNorm(x, weight, kEps);
  EXPECT_EQ(y.scalar_type(), at::kBFloat16);
  const auto grads = torch::autograd::grad({y.sum()}, {weight});
  EXPECT_EQ(grads[0].scalar_type(), at::kFloat);
}

TEST(RmsNorm, KeepsNotANumber) {
  at::Tensor x = Normal({2, 20}, at::kFloat, 1).detach();
  x[0][3] = std::nan("");
  const at::Tensor y = RmsNorm(x, at::ones({20}), kEps);
  EXPECT_TRUE(y[0].isnan().all().item<bool>());
  EXPECT_FALSE(y[1].isnan().any().item<bool>());
}

}  // namespace
}  // namespace meap
