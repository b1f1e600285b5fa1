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

TEST(SwiGlu, LargeInputsStayFinite) {
  const at::Tensor x = at::tensor({-1e4f, -100.f, 0.f, 100.f, 1e4f, 1.f, 1.f, 1.f, 1.f, 1.f});
  testing::ForEachCpuLevel([&] {
    const at::Tensor y = SwiGlu(x.unsqueeze(0));
    testing::ExpectClose(y, reference::SwiGlu(x.unsqueeze(0)), 1e-6, "silu of large numbers");
  });
}

}  // namespace
}  // namespace meap
