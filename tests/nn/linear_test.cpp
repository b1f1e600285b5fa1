#include "nn/linear.h"

#include "tests/nn/operator_support.h"

namespace meap {
namespace {

using testing::ExpectClose;
using testing::Normal;
using Tensors = std::vector<at::Tensor>;

at::Tensor BiasOf(const Tensors& in) { return in.size() > 2 ? in[2] : at::Tensor(); }
Tensors Ours(const Tensors& in) { return {Linear(in[0], in[1], BiasOf(in))}; }
Tensors Plain(const Tensors& in) { return {at::linear(in[0], in[1], BiasOf(in))}; }

/// Small and odd ones, and some large enough for oneDNN.
const std::vector<std::array<int64_t, 3>> kShapes = {
    {1, 1, 1}, {3, 5, 7}, {17, 33, 65}, {160, 192, 160}, {257, 131, 301}, {64, 1024, 96}};

TEST(Linear, EqualsLibtorch) {
  for (at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    for (const auto& [rows, inputs, outputs] : kShapes) {
      SCOPED_TRACE(std::to_string(rows) + " x " + std::to_string(inputs) + " x " +
                   std::to_string(outputs));
      Tensors in = {Normal({rows, inputs}, dtype, 1), Normal({outputs, inputs}, dtype, 2)};
      testing::ExpectParity(Ours, Plain, in, testing::Tolerance(dtype));
      in.push_back(Normal({outputs}, dtype, 3));
      testing::ExpectParity(Ours, Plain, in, testing::Tolerance(dtype));
    }
  }
}

TEST(WideLinear, IsTheProductInF32WhateverTheDtype) {
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16, at::kHalf}) {
    const at::Tensor x = Normal({40, 96}, dtype, 1).detach();
    const at::Tensor weight = Normal({5000, 96}, dtype, 2).detach();
    const at::Tensor exact = at::linear(x.to(at::kDouble), weight.to(at::kDouble)).to(at::kFloat);
    testing::ForEachCpuLevel([&] {
      for (const bool gradient : {false, true}) {
        const at::AutoGradMode mode(gradient);
        for (const int64_t rows : {1, 40}) {
          ExpectClose(WideLinear(x.narrow(0, 0, rows), weight), exact.narrow(0, 0, rows), 2e-5,
                      "product");
        }
      }
    });
  }
}

TEST(Linear, GradientsMatchDifferences) {
  testing::ExpectGradientsMatchDifferences(
      Ours, {Normal({4, 6}, at::kDouble, 1), Normal({3, 6}, at::kDouble, 2),
             Normal({3}, at::kDouble, 3)});
}

TEST(Linear, FrozenWeightsGetNoGradient) {
  const at::Tensor x = Normal({8, 4}, at::kFloat, 1);
  const at::Tensor weight = Normal({6, 4}, at::kFloat, 2).detach();
  const at::Tensor bias = Normal({6}, at::kFloat, 3);
  Linear(x, weight, bias).sum().backward();
  EXPECT_FALSE(weight.grad().defined());
  ExpectClose(x.grad(), weight.sum(0).expand_as(x), 1e-6, "input");
  ExpectClose(bias.grad(), at::full({6}, 8.0), 1e-6, "bias");
}

TEST(MatrixProduct, TakesTransposedFactorsAndAddsUp) {
  testing::ForEachCpuLevel([] {
    for (at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
      for (const auto& [rows, inner, columns] : kShapes) {
        const at::Tensor a = Normal({inner, rows}, dtype, 1).detach().t();
        const at::Tensor b = Normal({columns, inner}, dtype, 2).detach().t();
        const at::Tensor before = Normal({rows, columns}, dtype, 3).detach();
        const at::Tensor product = at::matmul(a.to(at::kDouble), b.to(at::kDouble));
        const at::Tensor out = before.clone();
        MatrixProduct(a, b, out, /*accumulate=*/true);
        ExpectClose(out, (before.to(at::kDouble) + product).to(dtype), testing::Tolerance(dtype),
                    "sum");
        MatrixProduct(a, b, out);
        ExpectClose(out, product.to(dtype), testing::Tolerance(dtype), "product");
      }
    }
  });
}

}  // namespace
}  // namespace meap
