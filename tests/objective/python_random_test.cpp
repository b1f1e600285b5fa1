#include "objective/python_random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <numeric>
#include <set>
#include <sstream>

#include "objective/mask_policy.h"
#include "tests/support.h"

namespace meap {
namespace {

using ::meap::testing::Fixture;

std::string Join(const std::vector<int32_t>& values) {
  std::string text;
  for (const int32_t value : values) text += (text.empty() ? "" : ",") + std::to_string(value);
  return text;
}

uint64_t Fnv1a(const std::string& text) {
  uint64_t value = 0xCBF29CE484222325u;
  for (const char c : text) value = (value ^ static_cast<uint8_t>(c)) * 0x100000001B3u;
  return value;
}

TEST(PythonRandom, FirstNumbersOfTwoSeeds) {
  // random.seed(50); random.getrandbits(32), and the same with seed 0.
  EXPECT_EQ(PythonRandom(50).NextBits(), 2136903265u);
  EXPECT_EQ(PythonRandom(0).NextBits(), 3626764237u);
  PythonRandom many(50);  // past the first refill
  for (int i = 0; i < 999; ++i) many.NextBits();
  EXPECT_EQ(many.NextBits(), 1517232082u);
}

TEST(PythonRandom, SampleOfAllIsAPermutation) {
  for (const uint32_t size : {1u, 5u, 21u, 22u, 85u, 86u, 1000u}) {
    auto sample = PythonRandom(size).Sample(size, size);
    std::sort(sample.begin(), sample.end());
    std::vector<int32_t> all(size);
    std::iota(all.begin(), all.end(), 0);
    EXPECT_EQ(sample, all);
  }
  EXPECT_TRUE(PythonRandom(1).Sample(10, 0).empty());
}

/// Every list that CPython drew: tools/make_mask_fixtures.py.
TEST(ReferenceMaskPositions, AreThoseOfCPython) {
  std::ifstream file(Fixture("masks") / "reference.tsv");
  ASSERT_TRUE(file);
  int lists = 0;
  int64_t length = 0, step = 0;
  size_t count = 0;
  double ratio = 0;
  std::string hash, whole;
  while (file >> length >> ratio >> step >> count >> hash >> whole) {
    const auto positions = ReferenceMaskPositions(ratio, length, step);
    const std::string text = Join(positions);
    ASSERT_EQ(positions.size(), count);
    ASSERT_EQ(Fnv1a(text), std::stoull(hash, nullptr, 16)) << length << " " << ratio << " " << step;
    if (whole != "-") {
      ASSERT_EQ(text, whole);
    }
    ++lists;
  }
  EXPECT_EQ(lists, 8 * 51);
}

TEST(ReferenceMaskPositions, AreFiftyOneListsOverAndOver) {
  std::set<std::vector<int32_t>> lists;
  for (int64_t step = 1; step <= 200; ++step) {
    lists.insert(ReferenceMaskPositions(0.15, 4096, step));
    EXPECT_EQ(ReferenceMaskPositions(0.15, 4096, step),
              ReferenceMaskPositions(0.15, 4096, step + 51));
  }
  EXPECT_EQ(lists.size(), 51u);
}

}  // namespace
}  // namespace meap
