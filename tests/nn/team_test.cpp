#include "nn/team.h"

#include <chrono>
#include <numeric>
#include <thread>
#include <vector>

#include "tests/nn/operator_support.h"

namespace meap {
namespace {

class TeamTest : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override { at::set_num_threads(GetParam()); }
  testing::KeepThreads keep_threads_;
};

TEST_P(TeamTest, MembersSeeWhatWasWrittenBeforeAMeeting) {
  constexpr int kRounds = 2000;
  std::vector<int> written(GetParam(), 0);
  std::vector<int> wrong(GetParam(), 0);
  Team::Run([&](Team::Member& member) {
    for (int round = 1; round <= kRounds; ++round) {
      written[member.index()] = round;
      member.Meet();
      for (const int other : written) wrong[member.index()] += other != round;
      member.Meet();
    }
  });
  EXPECT_EQ(written, std::vector<int>(GetParam(), kRounds));
  EXPECT_EQ(std::accumulate(wrong.begin(), wrong.end(), 0), 0);
}

TEST_P(TeamTest, EveryItemIsDoneOnce) {
  for (const int64_t unit : {1, 4}) {
    for (const int64_t items : {0, 1, 3, 4, 5, 31, 64, 1001}) {
      std::vector<int> shared(items, 0);
      std::vector<std::atomic<int>> divided(items);
      std::atomic<int64_t> taken = 0;
      Team::Run([&](Team::Member& member) {
        const auto [begin, end] = member.Share(items, unit);
        for (int64_t i = begin; i < end; ++i) ++shared[i];
        member.Divide(items, unit, taken, [&](int64_t first, int64_t last) {
          if (first % unit != 0) ++divided[0];  // not at a cut
          for (int64_t i = first; i < last; ++i) ++divided[i];
        });
      });
      EXPECT_EQ(shared, std::vector<int>(items, 1)) << items;
      EXPECT_EQ(std::vector<int>(divided.begin(), divided.end()), std::vector<int>(items, 1))
          << items << " by " << unit;
    }
  }
}

TEST_P(TeamTest, WaitsForASlowMember) {
  std::atomic<int> arrived = 0;
  std::vector<int> seen(GetParam(), 0);
  std::vector<std::byte> memory(1000);
  Team::Run([&](Team::Member& member) {
    if (member.index() == 0) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    ++arrived;
    member.Expect(memory);
    member.Meet();
    seen[member.index()] = arrived;
  });
  EXPECT_EQ(seen, std::vector<int>(GetParam(), GetParam()));
}

TEST_P(TeamTest, IsAloneInsideAnotherRegion) {
  std::atomic<int> members = 0;
  at::parallel_for(0, 2, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      Team::Run([&](Team::Member& member) {
        member.Meet();
        ++members;
      });
    }
  });
  EXPECT_EQ(members, 2);
}

INSTANTIATE_TEST_SUITE_P(Threads, TeamTest, ::testing::Values(1, 2, 5));

}  // namespace
}  // namespace meap
