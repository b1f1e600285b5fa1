#include "nn/lora.h"

#include <ATen/core/grad_mode.h>

#include "nn/swiglu.h"
#include "tests/nn/operator_support.h"

namespace meap {
namespace {

using testing::Normal;
using Tensors = std::vector<at::Tensor>;
using Projection = at::Tensor (*)(const at::Tensor&, const at::Tensor&, const at::Tensor&,
                                  const AdaptedMatrix&, std::optional<uint64_t>);

at::Tensor ReferenceSwiGluLinear(const at::Tensor& gate_up_N2F, const at::Tensor& weight_OF,
                                 const at::Tensor& bias_O, const AdaptedMatrix& lora,
                                 std::optional<uint64_t> dropout_seed) {
  return reference::AdaptedLinear(reference::SwiGlu(gate_up_N2F), weight_OF, bias_O, lora,
                                  dropout_seed);
}

constexpr int64_t kOutputs = 12, kRank = 3;

/// First row and rows of each adapter: all of a matrix, its middle, two with a gap between them,
/// and the three of a stacked q, k and v.
using Slices = std::vector<std::pair<int64_t, int64_t>>;
const std::vector<Slices> kSlices = {
    {{0, 12}}, {{4, 3}}, {{0, 2}, {9, 3}}, {{0, 6}, {6, 3}, {9, 3}}};

/// The input, then A and B of each adapter.
Tensors Inputs(const Slices& slices, int64_t rows, int64_t input, int64_t read,
               at::ScalarType dtype) {
  Tensors in = {Normal({rows, input}, dtype, 1)};
  for (const auto& slice : slices) {
    const auto seed = static_cast<int64_t>(in.size());
    in.push_back(Normal({kRank, read}, dtype, 10 + seed));
    in.push_back(Normal({slice.second, kRank}, dtype, 20 + seed));
  }
  return in;
}

testing::Operator Of(Projection projection, const Slices& slices, int64_t read,
                     at::ScalarType dtype, double dropout = 0) {
  const at::Tensor weight = Normal({kOutputs, read}, dtype, 2).detach();
  const at::Tensor bias = Normal({kOutputs}, dtype, 3).detach();
  return [=](const Tensors& in) -> Tensors {
    AdaptedMatrix lora{.scale = 0.5, .dropout = dropout, .salt = 7};
    for (size_t i = 0; i < slices.size(); ++i) {
      lora.adapters.push_back({slices[i].first, in[1 + 2 * i], in[2 + 2 * i]});
    }
    return {projection(in[0], weight, bias, lora, 5)};
  };
}

TEST(AdaptedLinear, ReferenceGradientsMatchDifferences) {
  for (const Slices& slices : kSlices) {
    testing::ExpectGradientsMatchDifferences(
        Of(reference::AdaptedLinear, slices, 5, at::kDouble, 0.3),
        Inputs(slices, 4, 5, 5, at::kDouble));
  }
}

TEST(AdaptedLinear, KernelEqualsReference) {
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    for (const auto& [rows, width] : {std::pair{1, 1}, {1, 48}, {7, 5}, {67, 33}}) {
      for (const Slices& slices : kSlices) {
        for (const double dropout : {0.0, 0.3}) {
          testing::ExpectParity(Of(AdaptedLinear, slices, width, dtype, dropout),
                                Of(reference::AdaptedLinear, slices, width, dtype, dropout),
                                Inputs(slices, rows, width, width, dtype),
                                testing::Tolerance(dtype));
        }
      }
    }
  }
}

TEST(AdaptedSwiGluLinear, KernelEqualsReference) {
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    for (const auto& [rows, width] : {std::pair{1, 1}, {1, 48}, {7, 5}, {67, 33}}) {
      for (const double dropout : {0.0, 0.3}) {
        testing::ExpectParity(Of(AdaptedSwiGluLinear, kSlices[0], width, dtype, dropout),
                              Of(ReferenceSwiGluLinear, kSlices[0], width, dtype, dropout),
                              Inputs(kSlices[0], rows, 2 * width, width, dtype),
                              testing::Tolerance(dtype));
      }
    }
  }
}

TEST(AdaptedLinear, AnInputThatWantsNoGradientLeavesThoseOfTheAdapters) {
  // As in the first block of a model whose embedding is frozen.
  for (const bool swiglu : {false, true}) {
    const Projection kernel = swiglu ? AdaptedSwiGluLinear : AdaptedLinear;
    const Projection oracle = swiglu ? ReferenceSwiGluLinear : reference::AdaptedLinear;
    Tensors in = Inputs(kSlices[3], 7, swiglu ? 10 : 5, 5, at::kFloat);
    in[0] = in[0].detach();
    const auto grads = [&](Projection projection) {
      const Tensors trained(in.begin() + 1, in.end());
      return torch::autograd::grad({Of(projection, kSlices[3], 5, at::kFloat)(in)[0].pow(2).sum()},
                                   trained);
    };
    const Tensors got = grads(kernel), expected = grads(oracle);
    for (size_t i = 0; i < got.size(); ++i) {
      testing::ExpectClose(got[i], expected[i], 2e-5, "gradient " + std::to_string(i));
    }
  }
}

TEST(AdaptedLinear, IsTheSameWithoutGradients) {
  const Tensors in = Inputs(kSlices[3], 7, 5, 5, at::kFloat);
  const auto op = Of(AdaptedLinear, kSlices[3], 5, at::kFloat);
  const at::Tensor with = op(in)[0];
  const at::NoGradGuard no_grad;
  EXPECT_TRUE(at::equal(op(in)[0], with));
}

}  // namespace
}  // namespace meap
