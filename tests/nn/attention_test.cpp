#include "nn/attention.h"

#include "tests/nn/operator_support.h"

namespace meap {
namespace {

using testing::ExpectClose;
using testing::ExpectParity;
using testing::Normal;

struct Shape {
  std::vector<int64_t> lengths;
  int64_t heads, kv_heads, d;
};

const std::vector<Shape>& Shapes() {
  static const std::vector<Shape> shapes = {
      {{1}, 1, 1, 4},
      {{5}, 2, 1, 3},
      {{64}, 2, 2, 16},
      {{65, 1, 17}, 4, 2, 48},
      {{256}, 3, 1, 64},
      {{257, 300}, 2, 2, 33},
      {{3, 0, 130, 1}, 6, 2, 7},
      {{700}, 4, 2, 64},
      {{16, 16, 16}, 2, 1, 128},
  };
  return shapes;
}

Segments SegmentsOf(const std::vector<int64_t>& lengths) {
  Segments segments;
  segments.offsets = {0};
  for (int64_t length : lengths) segments.offsets.push_back(segments.offsets.back() + length);
  return segments;
}

std::vector<at::Tensor> Inputs(const Shape& shape, at::ScalarType dtype) {
  const int64_t tokens = SegmentsOf(shape.lengths).tokens();
  return {Normal({tokens, shape.heads, shape.d}, dtype, 1),
          Normal({tokens, shape.kv_heads, shape.d}, dtype, 2),
          Normal({tokens, shape.kv_heads, shape.d}, dtype, 3)};
}

testing::Operator Kernel(const Segments& segments) {
  return [=](const std::vector<at::Tensor>& in) -> std::vector<at::Tensor> {
    return {PackedAttention(in[0], in[1], in[2], segments)};
  };
}

testing::Operator Reference(const Segments& segments) {
  return [=](const std::vector<at::Tensor>& in) -> std::vector<at::Tensor> {
    return {reference::PackedAttention(in[0], in[1], in[2], segments)};
  };
}

TEST(Attention, ReferenceGradientsMatchDifferences) {
  const Shape shape{{4, 7}, 4, 2, 6};
  testing::ExpectGradientsMatchDifferences(Reference(SegmentsOf(shape.lengths)),
                                           Inputs(shape, at::kDouble));
}

TEST(Attention, KernelEqualsReference) {
  for (const Shape& shape : Shapes()) {
    const Segments segments = SegmentsOf(shape.lengths);
    for (at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
      SCOPED_TRACE(std::to_string(segments.tokens()) + " tokens, d " + std::to_string(shape.d) +
                   (dtype == at::kFloat ? ", f32" : ", bf16"));
      ExpectParity(Kernel(segments), Reference(segments), Inputs(shape, dtype),
                   testing::Tolerance(dtype));
    }
  }
}

TEST(Attention, TakesViewsIntoOneActivation) {
  const int64_t heads = 4, kv_heads = 2, d = 16, tokens = 70;
  const at::Tensor qkv = Normal({tokens, heads + 2 * kv_heads, d}, at::kFloat, 5).detach();
  const Segments segments = SegmentsOf({40, 30});
  const auto part = [&](int64_t begin, int64_t count) { return qkv.narrow(1, begin, count); };
  const at::Tensor viewed = PackedAttention(part(0, heads), part(heads, kv_heads),
                                            part(heads + kv_heads, kv_heads), segments);
  const at::Tensor copied =
      PackedAttention(part(0, heads).contiguous(), part(heads, kv_heads).contiguous(),
                      part(heads + kv_heads, kv_heads).contiguous(), segments);
  EXPECT_TRUE(at::equal(viewed, copied));
}

TEST(Attention, NoTokenSeesTheFutureOrAnotherSegment) {
  const Segments segments = SegmentsOf({100, 90});
  auto in = Inputs({{190}, 2, 1, 16}, at::kFloat);
  at::NoGradGuard guard;
  const at::Tensor before = PackedAttention(in[0], in[1], in[2], segments);
  in[1].narrow(0, 80, 20).fill_(9);
  in[2].narrow(0, 80, 20).fill_(-9);
  const at::Tensor after = PackedAttention(in[0], in[1], in[2], segments);
  EXPECT_TRUE(at::equal(before.narrow(0, 0, 80), after.narrow(0, 0, 80)));
  EXPECT_FALSE(at::equal(before.narrow(0, 80, 20), after.narrow(0, 80, 20)));
  EXPECT_TRUE(at::equal(before.narrow(0, 100, 90), after.narrow(0, 100, 90)));
}

TEST(Attention, SameBitsEachTime) {
  const Shape shape{{300, 45}, 4, 2, 48};
  const auto in = Inputs(shape, at::kBFloat16);
  const auto first = testing::ForwardBackward(Kernel(SegmentsOf(shape.lengths)), in);
  const auto second = testing::ForwardBackward(Kernel(SegmentsOf(shape.lengths)), in);
  for (size_t i = 0; i < first.size(); ++i) EXPECT_TRUE(at::equal(first[i], second[i])) << i;
}

}  // namespace
}  // namespace meap
