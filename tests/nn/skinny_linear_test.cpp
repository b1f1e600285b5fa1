#include "nn/skinny_linear.h"

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

TEST(SkinnyLinear, IsForFewTokensWithoutGradient) {
  EXPECT_FALSE(IsSkinny(at::ones({1, 4})));
  const at::NoGradGuard no_grad;
  EXPECT_TRUE(IsSkinny(at::ones({1, 4})));
  EXPECT_FALSE(IsSkinny(at::ones({1000, 4})));
  EXPECT_FALSE(IsSkinny(at::ones({1, 4}, at::kDouble)));
}

}  // namespace
}  // namespace meap
