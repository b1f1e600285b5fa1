#include "core/philox.h"

#include <gtest/gtest.h>

#include <set>

namespace meap {
namespace {

// Known-answer vectors of the Random123 distribution (kat_vectors, philox4x32-10).
TEST(Philox, KnownAnswers) {
  EXPECT_EQ(Philox4x32({0, 0, 0, 0}, {0, 0}),
            (std::array<uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(Philox4x32({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}),
            (std::array<uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(Philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (std::array<uint32_t, 4>{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(PhiloxStream, NamesSeparateStreams) {
  std::set<uint32_t> first;
  for (uint32_t stream = 1; stream <= 3; ++stream) {
    for (uint32_t a = 0; a < 4; ++a) {
      for (uint64_t b : {uint64_t{0}, uint64_t{1}, uint64_t{1} << 40}) {
        first.insert(PhiloxStream(7, stream, a, b).NextBits());
      }
    }
  }
  EXPECT_EQ(first.size(), 36u);
}

TEST(PhiloxStream, BelowIsUniform) {
  PhiloxStream random(1, random_stream::kMask, 0, 0);
  std::array<int, 7> counts{};
  for (int i = 0; i < 70000; ++i) ++counts[random.Below(7)];
  double chi_square = 0;
  for (int count : counts) chi_square += (count - 10000.0) * (count - 10000.0) / 10000.0;
  EXPECT_LT(chi_square, 22.5);  // 99.9 % point with 6 degrees of freedom
}

}  // namespace
}  // namespace meap
