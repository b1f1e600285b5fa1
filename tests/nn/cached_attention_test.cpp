#include "nn/cached_attention.h"

#include "nn/attention.h"
#include "tests/nn/operator_support.h"

namespace meap {
namespace {

using testing::ExpectClose;
using testing::Normal;

/// Sequences by (past, fresh), and the model's heads.
struct Shape {
  std::vector<std::pair<int64_t, int64_t>> sequences;
  int64_t heads, kv_heads, d;
};

const std::vector<Shape> kDecoding = {
    {{{0, 1}}, 1, 1, 4},
    {{{0, 1}, {5, 1}, {254, 1}}, 2, 1, 7},
    {{{255, 1}, {256, 1}, {1000, 1}}, 9, 3, 64},
    {{{77, 1}, {0, 1}}, 8, 4, 8},
    {{{300, 1}}, 4, 4, 128},
    {{{30, 1}, {600, 1}}, 14, 2, 48},
};

const std::vector<Shape> kPrompts = {
    {{{0, 5}}, 2, 1, 3},
    {{{3, 1}, {0, 70}, {100, 65}}, 4, 2, 48},
    {{{300, 257}}, 2, 2, 33},
    {{{255, 2}, {0, 1}, {1, 300}}, 3, 1, 64},
    {{{64, 64}, {500, 3}}, 9, 3, 64},
};

struct Case {
  at::Tensor q_NHd;
  std::vector<CachedSequence> sequences;
};

Case Make(const Shape& shape, at::ScalarType dtype) {
  Case made;
  int64_t fresh = 0;
  int64_t seed = 1;
  for (const auto& [past, count] : shape.sequences) {
    const auto normal = [&] {  // a cache has room for more, and nobody reads it
      return Normal({past + count + 3, shape.kv_heads, shape.d}, dtype, ++seed).detach();
    };
    made.sequences.push_back({normal(), normal(), past + count, count});
    fresh += count;
  }
  made.q_NHd = Normal({fresh, shape.heads, shape.d}, dtype, 1).detach();
  return made;
}

void ExpectParity(const std::vector<Shape>& shapes) {
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    for (size_t i = 0; i < shapes.size(); ++i) {
      SCOPED_TRACE("shape " + std::to_string(i) + " " + c10::toString(dtype));
      const Case made = Make(shapes[i], dtype);
      const at::Tensor expected = reference::CachedAttention(made.q_NHd, made.sequences);
      testing::ForEachCpuLevel([&] {
        ExpectClose(CachedAttention(made.q_NHd, made.sequences), expected,
                    testing::Tolerance(dtype), "result");
      });
    }
  }
}

TEST(CachedAttention, DecodingEqualsTheReference) { ExpectParity(kDecoding); }

TEST(CachedAttention, PromptsEqualTheReference) { ExpectParity(kPrompts); }

TEST(CachedAttention, WithoutOlderTokensItIsPackedAttention) {
  const Case made = Make({{{0, 70}, {0, 9}}, 4, 2, 16}, at::kFloat);
  const auto& [a, b] = std::pair(made.sequences[0], made.sequences[1]);
  const auto packed = [](const at::Tensor& first, const at::Tensor& second) {
    return at::cat({first.narrow(0, 0, 70), second.narrow(0, 0, 9)});
  };
  const at::Tensor expected = PackedAttention(made.q_NHd, packed(a.k_CKd, b.k_CKd),
                                              packed(a.v_CKd, b.v_CKd), Segments{{0, 70, 79}});
  EXPECT_TRUE(at::equal(CachedAttention(made.q_NHd, made.sequences), expected));
}

TEST(CachedAttention, QueriesMayStandApart) {
  const Case made = Make(kDecoding[2], at::kBFloat16);
  const at::Tensor qkv = Normal({3, 15, 64}, at::kBFloat16, 9).detach();
  const at::Tensor q_NHd = qkv.narrow(1, 0, 9);
  EXPECT_TRUE(at::equal(CachedAttention(q_NHd, made.sequences),
                        CachedAttention(q_NHd.contiguous(), made.sequences)));
}

TEST(CachedAttention, ASequenceDoesNotDependOnTheOthers) {
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    const Case made = Make(kDecoding[2], dtype);
    const at::Tensor together = CachedAttention(made.q_NHd, made.sequences);
    for (int64_t i = 0; i < 3; ++i) {
      EXPECT_TRUE(at::equal(CachedAttention(made.q_NHd.narrow(0, i, 1), {made.sequences[i]}),
                            together.narrow(0, i, 1)));
    }
  }
}

TEST(CachedAttention, ReferenceSeesThePastAndNoFuture) {
  const Case made = Make({{{3, 2}}, 1, 1, 4}, at::kDouble);
  const at::Tensor got = reference::CachedAttention(made.q_NHd, made.sequences);
  for (int64_t i = 0; i < 2; ++i) {
    const at::Tensor k = made.sequences[0].k_CKd.narrow(0, 0, 4 + i).squeeze(1);
    const at::Tensor v = made.sequences[0].v_CKd.narrow(0, 0, 4 + i).squeeze(1);
    const at::Tensor scores = k.mv(made.q_NHd[i][0]) / 2;
    EXPECT_TRUE(at::allclose(got[i][0], v.t().mv(scores.softmax(0))));
  }
}

}  // namespace
}  // namespace meap
