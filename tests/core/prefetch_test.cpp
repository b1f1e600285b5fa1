#include "core/prefetch.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>

namespace meap {
namespace {

TEST(Prefetcher, GivesEveryItemInOrderFromAnyStart) {
  for (const int64_t first : {int64_t{0}, int64_t{1000000}}) {
    for (const size_t depth : {1, 4, 100}) {
      Prefetcher<std::string> items([](int64_t i) { return std::to_string(i); }, first, first + 30,
                                    depth);
      for (int64_t i = first; i <= first + 30; ++i) EXPECT_EQ(items.Next(), std::to_string(i));
    }
  }
}

TEST(Prefetcher, RunsAheadByItsDepthAndNoFurther) {
  std::atomic<int64_t> made = 0;
  Prefetcher<int64_t> items([&](int64_t i) { return made = i; }, 1, 50, 3);
  EXPECT_EQ(items.Next(), 1);
  while (made < 4) std::this_thread::yield();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_LE(made, 5);  // three ready, one more made and waiting for its place
}

TEST(Prefetcher, NeverMakesWhatComesAfterTheLast) {
  std::atomic<int64_t> made = 0;
  Prefetcher<int64_t> items([&](int64_t i) { return made = i; }, 1, 3, 8);
  for (int64_t i = 1; i <= 3; ++i) EXPECT_EQ(items.Next(), i);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(made, 3);
}

TEST(Prefetcher, AnErrorComesOutOfItsItemAndEveryLaterOne) {
  Prefetcher<int64_t> items(
      [](int64_t i) { return i < 3 ? i : throw std::runtime_error("item " + std::to_string(i)); },
      1, 9);
  EXPECT_EQ(items.Next(), 1);
  EXPECT_EQ(items.Next(), 2);
  EXPECT_THROW(items.Next(), std::runtime_error);
  EXPECT_THROW(items.Next(), std::runtime_error);
}

}  // namespace
}  // namespace meap
