#include "data/ordered_pipeline.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <stdexcept>

namespace meap {
namespace {

struct Block {
  int number = 0;
  int doubled = 0;
};

PipelineStages<Block> Numbers(int count, std::vector<int>& seen) {
  PipelineStages<Block> stages;
  stages.produce = [count, next = 0](Block& block) mutable {
    block.number = next++;
    return block.number < count;
  };
  stages.transform = [](Block& block) {
    // Early blocks take longest, so that later ones overtake them.
    std::this_thread::sleep_for(std::chrono::microseconds(block.number % 5 == 0 ? 2000 : 50));
    block.doubled = 2 * block.number;
  };
  stages.consume = [&seen](Block& block) { seen.push_back(block.doubled); };
  stages.weight = [](const Block&) { return size_t{1}; };
  return stages;
}

TEST(OrderedPipeline, ConsumesInTheOrderOfReading) {
  for (const int threads : {1, 2, 8}) {
    for (const size_t weight : {size_t{1}, size_t{3}, size_t{100}}) {
      std::vector<int> seen;
      RunOrdered(threads, weight, Numbers(60, seen));
      ASSERT_EQ(seen.size(), 60u);
      for (int i = 0; i < 60; ++i) EXPECT_EQ(seen[static_cast<size_t>(i)], 2 * i);
    }
  }
}

TEST(OrderedPipeline, HoldsNoMoreThanTheWeightAllows) {
  std::vector<int> seen;
  PipelineStages<Block> stages = Numbers(200, seen);
  std::atomic<int> under_way{0};
  std::atomic<int> most{0};
  stages.produce = [&, produce = stages.produce](Block& block) {
    most = std::max(most.load(), ++under_way);
    return produce(block);
  };
  stages.consume = [&, consume = stages.consume](Block& block) {
    consume(block);
    --under_way;
  };
  RunOrdered(8, 5, stages);
  EXPECT_EQ(seen.size(), 200u);
  EXPECT_LE(most, 6);
}

TEST(OrderedPipeline, AnErrorInAnyStageStopsAndComesOut) {
  for (const int stage : {0, 1, 2}) {
    std::vector<int> seen;
    PipelineStages<Block> stages = Numbers(1000, seen);
    const auto fail = [stage](int here, const Block& block) {
      if (stage == here && block.number == 20) throw std::runtime_error("stage");
    };
    stages.produce = [fail, produce = stages.produce](Block& block) {
      const bool more = produce(block);
      fail(0, block);
      return more;
    };
    stages.transform = [fail, transform = stages.transform](Block& block) {
      transform(block);
      fail(1, block);
    };
    stages.consume = [fail, consume = stages.consume](Block& block) {
      fail(2, block);
      consume(block);
    };
    EXPECT_THROW(RunOrdered(4, 10, stages), std::runtime_error);
    EXPECT_LE(seen.size(), 20u);
  }
}

}  // namespace
}  // namespace meap
