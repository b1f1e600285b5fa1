#include "nn/attention.h"

#include <ATen/Parallel.h>

#include "nn/attention_kernel.h"
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

int64_t Pieces(int64_t heads, int64_t kv_heads, std::vector<int64_t> offsets, int threads) {
  AttentionBackward work;
  work.inputs = {.heads = heads, .kv_heads = kv_heads, .head_dim = 64, .offsets = offsets};
  work.Cut(threads);
  return work.pieces();
}

TEST(Attention, BackwardPassIsCutFinerWhereThreadsWouldIdle) {
  const std::vector<int64_t> one = {0, 4096}, many = {0, 1024, 2048, 3072, 4096};
  EXPECT_EQ(Pieces(32, 2, one, 2), 2);  // the paper's models: two key/value heads
  EXPECT_EQ(Pieces(32, 2, one, 16), 32);
  EXPECT_EQ(Pieces(32, 2, many, 2), 8);
  EXPECT_EQ(Pieces(32, 2, many, 8), 8);
  EXPECT_EQ(Pieces(4, 1, {0, 100}, 8), 1);  // no block to spare
  EXPECT_EQ(Pieces(4, 1, {0, 0}, 8), 1);
}

TEST(Attention, SameBitsForAnyNumberOfThreads) {
  const testing::KeepThreads keep_threads;
  for (const Shape& shape : {Shape{{700}, 4, 2, 48}, Shape{{700, 30, 300}, 6, 1, 33}}) {
    for (at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
      const Segments segments = SegmentsOf(shape.lengths);
      testing::ForEachCpuLevel([&] {
        at::set_num_threads(1);
        const auto one = testing::ForwardBackward(Kernel(segments), Inputs(shape, dtype));
        at::set_num_threads(8);
        const auto eight = testing::ForwardBackward(Kernel(segments), Inputs(shape, dtype));
        for (size_t i = 0; i < one.size(); ++i) EXPECT_TRUE(at::equal(one[i], eight[i])) << i;
      });
    }
  }
}

}  // namespace
}  // namespace meap
