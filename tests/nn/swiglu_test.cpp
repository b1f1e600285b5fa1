#include "nn/swiglu.h"

#include "tests/nn/operator_support.h"

namespace meap {
namespace {

using testing::Normal;
using Tensors = std::vector<at::Tensor>;

Tensors Kernel(const Tensors& in) { return {SwiGlu(in[0])}; }
Tensors Reference(const Tensors& in) { return {reference::SwiGlu(in[0])}; }

TEST(SwiGlu, ReferenceGradientsMatchDifferences) {
  testing::ExpectGradientsMatchDifferences(Reference, {Normal({3, 10}, at::kDouble, 1)});
}

TEST(SwiGlu, KernelEqualsReference) {
  for (at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    for (auto [rows, width] : {std::pair{1, 1}, {1, 768}, {5, 7}, {67, 33}, {20, 344}}) {
      SCOPED_TRACE(std::to_string(rows) + " x " + std::to_string(width));
      testing::ExpectParity(Kernel, Reference, {Normal({rows, 2 * width}, dtype, 1)},
                            testing::Tolerance(dtype));
    }
  }
}

/// gate_up, weight and, of three tensors, bias.
Tensors LinearKernel(const Tensors& in) {
  return {SwiGluLinear(in[0], in[1], in.size() > 2 ? in[2] : at::Tensor())};
}
Tensors LinearReference(const Tensors& in) {
  return {reference::SwiGluLinear(in[0], in[1], in.size() > 2 ? in[2] : at::Tensor())};
}

TEST(SwiGluLinear, ReferenceGradientsMatchDifferences) {
  testing::ExpectGradientsMatchDifferences(
      LinearReference, {Normal({3, 10}, at::kDouble, 1), Normal({4, 5}, at::kDouble, 2),
                        Normal({4}, at::kDouble, 3)});
}

TEST(SwiGluLinear, KernelEqualsReference) {
  for (at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    for (auto [rows, width] : {std::pair{1, 1}, {1, 768}, {5, 7}, {67, 33}, {20, 344}}) {
      SCOPED_TRACE(std::to_string(rows) + " x " + std::to_string(width));
      const Tensors in = {Normal({rows, 2 * width}, dtype, 1), Normal({9, width}, dtype, 2),
                          Normal({9}, dtype, 3)};
      testing::ExpectParity(LinearKernel, LinearReference, in, testing::Tolerance(dtype));
      testing::ExpectParity(LinearKernel, LinearReference, {in[0], in[1]},
                            testing::Tolerance(dtype));
    }
  }
}

TEST(SwiGluLinear, FrozenWeightsGetNoGradient) {
  const at::Tensor gate_up = Normal({5, 14}, at::kFloat, 1);
  const at::Tensor weight = Normal({3, 7}, at::kFloat, 2).detach();
  SwiGluLinear(gate_up, weight).sum().backward();
  const at::Tensor grad = gate_up.grad().clone();
  gate_up.mutable_grad().reset();
  reference::SwiGluLinear(gate_up, weight).sum().backward();
  testing::ExpectClose(grad, gate_up.grad(), 1e-5, "gradient of gate and up");
  EXPECT_FALSE(weight.grad().defined());
}

TEST(SwiGlu, LargeInputsStayFinite) {
  const at::Tensor x = at::tensor({-1e4f, -100.f, 0.f, 100.f, 1e4f, 1.f, 1.f, 1.f, 1.f, 1.f});
  testing::ForEachCpuLevel([&] {
    const at::Tensor y = SwiGlu(x.unsqueeze(0));
    testing::ExpectClose(y, reference::SwiGlu(x.unsqueeze(0)), 1e-6, "silu of large numbers");
  });
}

}  // namespace
}  // namespace meap
