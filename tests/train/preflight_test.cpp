#include "train/preflight.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/presets.h"
#include "tests/support.h"

namespace meap {
namespace {

using ::meap::testing::ErrorOf;
using ::testing::HasSubstr;
using ::testing::Not;

RunSizes SizesOf(const char* preset, int64_t micro_rows) {
  ModelOptions model;
  model.preset = preset;
  return {.config = ConfigFromOptions(model, 32064, 1024),
          .steps = 300,
          .batch_rows = 64,
          .micro_rows = micro_rows,
          .micro_tokens = micro_rows * 1024,
          .sequence_length = 1024};
}

/// The hint of the refusal on a machine of `limit` bytes.
std::string Refusal(const Recipe& recipe, const RunSizes& sizes, double limit) {
  Preflight preflight = ForecastRun(recipe, sizes, at::kCPU, at::kFloat);
  preflight.memory_limit = limit;
  return ErrorOf([&] { RequireMemory(preflight, recipe, sizes, at::kFloat); }).hint;
}

double Total(const Recipe& recipe, const RunSizes& sizes) {
  return TotalBytes(ForecastRun(recipe, sizes, at::kCPU, at::kFloat).memory);
}

TEST(RequireMemory, NamesTheKeysThatWouldMakeItFit) {
  const Recipe recipe;
  const RunSizes sizes = SizesOf("meap-0.1b", 16);
  const double total = Total(recipe, sizes);
  EXPECT_THAT(Refusal(recipe, sizes, total - 1e6), HasSubstr("train.micro_batch=8"));
  EXPECT_THAT(Refusal(recipe, sizes, total - 1e6), HasSubstr("checkpoint.background=false"));
  const double small = Total(recipe, SizesOf("meap-0.1b", 2));
  EXPECT_THAT(Refusal(recipe, sizes, small + 1e8), HasSubstr("train.micro_batch=2"));
  EXPECT_THAT(Refusal(recipe, sizes, 1e9), HasSubstr("a smaller model"));
  EXPECT_THAT(Refusal(recipe, sizes, 1e9), HasSubstr("guard.memory=false"));
}

TEST(RequireMemory, OfAGpuDoesNotHoldWhatStaysOnTheHost) {
  const Recipe recipe;
  const RunSizes sizes = SizesOf("meap-0.1b", 16);
  Preflight preflight = ForecastRun(recipe, sizes, at::kCPU, at::kFloat);
  preflight.device = at::Device(at::kCUDA, 0);
  const auto on_gpu = [&](int64_t micro_rows) {
    double bytes = 0;
    const RunSizes of = SizesOf("meap-0.1b", micro_rows);
    for (const MemoryUse& use : ForecastRun(recipe, of, at::kCPU, at::kFloat).memory) {
      bytes += use.on_host || use.purpose == "allocator" ? 0 : use.bytes;
    }
    return bytes;
  };
  const auto hint = [&] {
    return ErrorOf([&] { RequireMemory(preflight, recipe, sizes, at::kFloat); }).hint;
  };
  preflight.memory_limit = on_gpu(16) - 1e6;
  EXPECT_THAT(hint(), Not(HasSubstr("checkpoint.background")));
  preflight.memory_limit = on_gpu(2) + 1e6;
  EXPECT_THAT(hint(), HasSubstr("train.micro_batch=2"));
}

TEST(RequireMemory, LetsARunPassThatFitsAndOneThatIsForced) {
  Recipe recipe;
  const RunSizes sizes = SizesOf("meap-0.1b", 4);
  Preflight preflight = ForecastRun(recipe, sizes, at::kCPU, at::kFloat);
  preflight.memory_limit = TotalBytes(preflight.memory) + 1;
  EXPECT_NO_THROW(RequireMemory(preflight, recipe, sizes, at::kFloat));
  preflight.memory_limit = 1;
  recipe.guard.memory = false;
  EXPECT_NO_THROW(RequireMemory(preflight, recipe, sizes, at::kFloat));
}

TEST(DensePeak, KnowsTheGpusOfTheFieldByTheirDriversName) {
  EXPECT_EQ(DensePeak("NVIDIA H100 80GB HBM3", at::kBFloat16), 989e12);
  EXPECT_EQ(DensePeak("NVIDIA H100 PCIe", at::kBFloat16), 756e12);
  EXPECT_EQ(DensePeak("NVIDIA A100-SXM4-80GB", at::kFloat), 19.5e12);
  EXPECT_EQ(DensePeak("NVIDIA Something", at::kBFloat16), 0);
}

}  // namespace
}  // namespace meap
