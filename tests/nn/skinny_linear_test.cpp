#include "nn/skinny_linear.h"

#include "nn/packed_weight.h"
#include "tests/nn/operator_support.h"

namespace meap {
namespace {

using testing::ExpectClose;
using testing::Normal;

struct Shape {
  int64_t tokens, inputs, outputs;
};

const std::vector<Shape> kShapes = {{1, 1, 1},    {1, 64, 4},    {2, 31, 7},   {3, 33, 65},
                                    {5, 576, 10}, {8, 129, 258}, {16, 96, 33}, {13, 1536, 5}};

at::Tensor Plain(at::IntArrayRef sizes, at::ScalarType dtype, int64_t seed) {
  return Normal(sizes, dtype, seed).detach();
}

TEST(SkinnyLinear, EqualsLibtorch) {
  const at::NoGradGuard no_grad;
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    for (const Shape& shape : kShapes) {
      SCOPED_TRACE(std::to_string(shape.tokens) + " x " + std::to_string(shape.inputs) + " x " +
                   std::to_string(shape.outputs));
      const at::Tensor x = Plain({shape.tokens, shape.inputs}, dtype, 1);
      const at::Tensor weight = Plain({shape.outputs, shape.inputs}, dtype, 2);
      const at::Tensor bias = Plain({shape.outputs}, dtype, 3);
      const at::Tensor wide = at::linear(x.to(at::kDouble), weight.to(at::kDouble));
      testing::ForEachCpuLevel([&] {
        ASSERT_TRUE(IsSkinny(x));
        ExpectClose(SkinnyLinear(x, weight), wide.to(dtype), testing::Tolerance(dtype), "plain");
        ExpectClose(SkinnyLinear(x, weight, bias), (wide + bias).to(dtype),
                    testing::Tolerance(dtype), "bias");
        ExpectClose(SkinnyLinear(x, weight, {}, true), wide.to(at::kFloat), 2e-5, "f32 out");
      });
    }
  }
}

TEST(SkinnyLinear, ATokenDoesNotDependOnTheOthers) {
  const at::NoGradGuard no_grad;
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    const at::Tensor x = Plain({13, 300}, dtype, 1);
    const at::Tensor weight = Plain({203, 300}, dtype, 2);
    testing::ForEachCpuLevel([&] {
      const at::Tensor together = SkinnyLinear(x, weight);
      for (int64_t tokens = 1; tokens <= 13; ++tokens) {
        EXPECT_TRUE(at::equal(SkinnyLinear(x.narrow(0, 13 - tokens, tokens), weight),
                              together.narrow(0, 13 - tokens, tokens)));
      }
    });
  }
}

/// A weight with all that a row can hold: zeros of both signs, numbers below all normal ones, and
/// one far below the others.
at::Tensor UnevenWeight(int64_t rows, int64_t width) {
  at::Tensor weight = Plain({rows, width}, at::kBFloat16, 2);
  auto* bits = static_cast<uint16_t*>(weight.data_ptr());
  for (int64_t i = 0; i < weight.numel(); i += 7) bits[i] = i % 2 == 0 ? 0 : 0x8000;
  for (int64_t i = 3; i < weight.numel(); i += 41) bits[i] = 0x0005;
  if (rows > 9) weight[9][width / 2] = 1e-9;
  if (rows > 200) weight[200][0] = 3e38;
  return weight;
}

PackedWeight Packed(const at::Tensor& weight) {
  return {weight, at::empty({PackedWeight::Bytes(weight)}, at::kByte)};
}

TEST(PackedWeight, GivesTheSameBits) {
  const at::NoGradGuard no_grad;
  std::vector<Shape> shapes = kShapes;
  for (int64_t tokens = 1; tokens <= 16; ++tokens) shapes.push_back({tokens, 70, 14});
  for (const Shape& shape : shapes) {
    SCOPED_TRACE(std::to_string(shape.tokens) + " x " + std::to_string(shape.inputs) + " x " +
                 std::to_string(shape.outputs));
    const at::Tensor x = Plain({shape.tokens, shape.inputs}, at::kBFloat16, 1);
    const at::Tensor weight = UnevenWeight(shape.outputs, shape.inputs);
    if (!PackedWeight::Suits(weight)) GTEST_SKIP() << "the CPU lacks AVX-512-bf16";
    const PackedWeight packed = Packed(weight);
    EXPECT_NE(packed.tiles().data, nullptr);
    at::Tensor out = at::empty({shape.tokens, shape.outputs}, x.options());
    SkinnyProduct work{.element = Element::kBf16,
                       .tokens = shape.tokens,
                       .width = shape.inputs,
                       .rows = shape.outputs,
                       .x = x.const_data_ptr(),
                       .weight = weight.const_data_ptr(),
                       .packed = packed.tiles(),
                       .out = out.data_ptr()};
    for (int64_t row = 0; row < shape.outputs; row += 8) {
      work.Run(row, std::min(row + 8, shape.outputs));
    }
    EXPECT_TRUE(at::equal(out, SkinnyLinear(x, weight)));
  }
}

TEST(PackedWeight, ReadsFewNormalNumbersFromTheWeight) {
  const at::Tensor weight = Plain({1000, 2048}, at::kBFloat16, 2);
  if (!PackedWeight::Suits(weight)) GTEST_SKIP() << "the CPU lacks AVX-512-bf16";
  const PackedWeight packed = Packed(weight);
  const int32_t wide = packed.tiles().first_wide[250];
  EXPECT_GT(wide, 0);
  EXPECT_LT(wide, 250 * 64 / 20);
  EXPECT_EQ(PackedWeight::Bytes(weight), weight.numel() * 3 / 2);
}

TEST(PackedWeight, IsNothingWhereItWouldNotPay) {
  const at::Tensor weight = Plain({8, 640}, at::kBFloat16, 2);
  if (!PackedWeight::Suits(weight)) GTEST_SKIP() << "the CPU lacks AVX-512-bf16";
  weight.narrow(1, 7, 1).fill_(1e6);  // the others are far below it
  EXPECT_EQ(Packed(weight).tiles().data, nullptr);
}

TEST(SkinnyLinear, IsForFewTokensWithoutGradient) {
  EXPECT_FALSE(IsSkinny(at::ones({1, 4})));
  const at::NoGradGuard no_grad;
  EXPECT_TRUE(IsSkinny(at::ones({1, 4})));
  EXPECT_FALSE(IsSkinny(at::ones({1000, 4})));
  EXPECT_FALSE(IsSkinny(at::ones({1, 4}, at::kDouble)));
}

}  // namespace
}  // namespace meap
