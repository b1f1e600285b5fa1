#include "core/machine.h"

#include <gtest/gtest.h>

#include <vector>

namespace meap {
namespace {

constexpr int64_t kMiB = int64_t{1} << 20;
constexpr int64_t kBlock = 8 * kMiB;
constexpr int64_t kBlocks = 16;

/// Blocks that were written to.
std::vector<std::vector<char>> Blocks() {
  return std::vector<std::vector<char>>(kBlocks, std::vector<char>(kBlock, 'x'));
}

TEST(MachineTest, FreedMemoryIsKeptUntilItIsReleased) {
  const int64_t before = AnonymousMemory();
  { const auto blocks = Blocks(); }
  const int64_t kept = AnonymousMemory() - before;
  EXPECT_GT(kept, kBlocks * kBlock / 2);
  ReleaseFreedMemory();
  EXPECT_LT(AnonymousMemory() - before, kept / 4);
}

TEST(MachineTest, TheWatchReleasesWhatIsTooMuch) {
  ReleaseFreedMemory();
  const int64_t before = AnonymousMemory();
  MemoryWatch watch(static_cast<double>(before + 2 * kBlock));
  { const auto block = std::vector<char>(kBlock, 'x'); }
  watch.Look();
  EXPECT_GT(AnonymousMemory() - before, kBlock / 2) << "within what is expected: kept";
  { const auto blocks = Blocks(); }
  watch.Look();
  EXPECT_LT(AnonymousMemory() - before, kBlocks * kBlock / 4);
}

TEST(MachineTest, TheWatchExpectsMoreWhereReleasingDoesNotHelp) {
  ReleaseFreedMemory();
  MemoryWatch watch(static_cast<double>(AnonymousMemory()) / 2);
  const auto in_use = Blocks();
  watch.Look();
  watch.Look();  // still too much: so be it
  { const auto blocks = std::vector<char>(kBlock / 2, 'x'); }
  const int64_t kept = AnonymousMemory();
  watch.Look();
  EXPECT_EQ(AnonymousMemory(), kept);
}

}  // namespace
}  // namespace meap
