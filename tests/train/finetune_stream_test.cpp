#include "train/finetune_stream.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "core/philox.h"
#include "model/presets.h"
#include "objective/finetune_rows.h"
#include "train/step.h"

namespace meap {
namespace {

constexpr int32_t kMask = 49;

/// Samples of BOS, a prompt and an answer of random lengths, tokens below 45.
std::vector<TaggedTokens> Samples(int count) {
  std::vector<TaggedTokens> samples;
  PhiloxStream random(5, random_stream::kSynthesis, 0, 0);
  for (int i = 0; i < count; ++i) {
    TaggedTokens sample;
    const auto add = [&](int32_t id, TokenRole role, uint8_t special) {
      sample.ids.push_back(id);
      sample.roles.push_back(role);
      sample.special.push_back(special);
    };
    add(1, TokenRole::kPrompt, 1);
    for (uint32_t t = 3 + random.Below(8); t > 0; --t) {
      add(static_cast<int32_t>(3 + random.Below(42)), TokenRole::kPrompt, 0);
    }
    for (uint32_t t = 1 + random.Below(14); t > 0; --t) {
      add(static_cast<int32_t>(3 + random.Below(42)), TokenRole::kAnswer, 0);
    }
    add(2, TokenRole::kEnd, 1);
    samples.push_back(std::move(sample));
  }
  return samples;
}

FinetuneStreamOptions Options(FinetuneObjective::Layout layout, bool pack) {
  FinetuneStreamOptions options;
  options.objective = {.duplicates = true,
                       .layout = layout,
                       .mask_ratio = 0.3,
                       .mask_id = kMask,
                       .bos_id = 1,
                       .min_answer_tokens = 5,
                       .seed = 4};
  options.packing = {.row_tokens = 48, .batch_tokens = 144, .pack = pack, .seed = 4};
  return options;
}

const auto kLayouts = {FinetuneObjective::Layout::kConcat, FinetuneObjective::Layout::kSeparate,
                       FinetuneObjective::Layout::kIsolated};

TEST(FinetuneStream, EveryEpochHoldsEverySampleOnceWithItsCopy) {
  for (const auto layout : kLayouts) {
    for (const bool pack : {true, false}) {
      const FinetuneStream stream(Samples(40), Options(layout, pack));
      EXPECT_EQ(stream.counts().used(), 40);
      EXPECT_GT(stream.counts().doubled, 5);
      EXPECT_GT(stream.counts().plain, 5);
      const int64_t steps = stream.StepsOf(1);
      EXPECT_EQ(stream.StepsOf(2) > steps, true);
      int64_t tokens = 0;
      std::map<int64_t, int64_t> seen;
      for (int64_t step = 1; step <= steps; ++step) {
        const TrainingRows rows = stream.Rows(step);
        tokens += rows.TokenCount();
        for (const int64_t sample : rows.sample_ids) ++seen[sample];
      }
      seen.erase(-1);
      EXPECT_EQ(seen.size(), 40u);
      EXPECT_EQ(tokens, stream.tokens());
    }
  }
}

TEST(FinetuneStream, AnyStepCanBeHadAtOnceInAnyOrder) {
  const auto options = Options(FinetuneObjective::Layout::kConcat, true);
  const FinetuneStream forward(Samples(40), options), at_once(Samples(40), options);
  const int64_t steps = forward.StepsOf(3);
  std::vector<TrainingRows> in_order;
  for (int64_t step = 1; step <= steps; ++step) in_order.push_back(forward.Rows(step));
  for (int64_t step = steps; step >= 1; --step) {
    const TrainingRows rows = at_once.Rows(step);
    EXPECT_EQ(rows.input_ids, in_order[step - 1].input_ids);
    EXPECT_EQ(rows.labels, in_order[step - 1].labels);
  }
}

TEST(FinetuneStream, EpochsDifferInOrderAndMasks) {
  const FinetuneStream stream(Samples(40), Options(FinetuneObjective::Layout::kConcat, true));
  EXPECT_NE(stream.Rows(1).input_ids, stream.Rows(stream.StepsOf(1) + 1).input_ids);
}

TEST(FinetuneStream, CountsWhatDoesNotFit) {
  auto options = Options(FinetuneObjective::Layout::kConcat, true);
  options.packing.row_tokens = 20;
  const FinetuneStream dropping(Samples(40), options);
  EXPECT_GT(dropping.counts().fell_back, 0);
  EXPECT_GT(dropping.counts().dropped, 0);
  EXPECT_EQ(dropping.counts().used() + dropping.counts().dropped, 40);
  options.truncate = true;
  const FinetuneStream truncating(Samples(40), options);
  EXPECT_EQ(truncating.counts().dropped, 0);
  EXPECT_EQ(truncating.counts().truncated, dropping.counts().dropped);
}

TEST(FinetuneStream, ASetWithoutSamplesHasNoSteps) {
  EXPECT_EQ(FinetuneStream({}, Options(FinetuneObjective::Layout::kConcat, true)).StepsOf(3), 0);
}

/// Loss and gradients of some rows, summed in micro-batches of `micro` rows.
struct Summed {
  LossSums loss;
  std::vector<at::Tensor> grads;
};

Summed Sum(const std::vector<TrainingRows>& batches, int64_t micro) {
  ModelOptions sizes;
  sizes.preset = "tiny";
  sizes.num_hidden_layers = 2;
  Llama model(ConfigFromOptions(sizes, 50, 64), at::kFloat, at::kCPU);
  model.Initialize(3);
  for (const Parameter& parameter : model.parameters()) parameter.tensor.requires_grad_(true);
  Summed sum;
  for (const TrainingRows& rows : batches) {
    for (int64_t begin = 0; begin < rows.rows; begin += micro) {
      const int64_t count = std::min(micro, rows.rows - begin);
      const TrainingRows part = rows.Slice(begin, count);
      sum.loss += SumLosses(ForwardBackward(model, part, 0.01), part);
    }
  }
  for (const Parameter& parameter : model.parameters())
    sum.grads.push_back(parameter.tensor.grad());
  return sum;
}

void ExpectSame(const Summed& got, const Summed& expected) {
  EXPECT_EQ(got.loss.all.tokens, expected.loss.all.tokens);
  EXPECT_NEAR(got.loss.all.Mean(), expected.loss.all.Mean(), 1e-5);
  ASSERT_EQ(got.loss.regions.size(), expected.loss.regions.size());
  for (size_t i = 0; i < got.loss.regions.size(); ++i) {
    EXPECT_NEAR(got.loss.regions[i].Mean(), expected.loss.regions[i].Mean(), 1e-5);
  }
  for (size_t i = 0; i < got.grads.size(); ++i) {
    EXPECT_LT((got.grads[i] - expected.grads[i]).abs().max().item<double>(), 1e-5);
  }
}

/// Every segment of every row in a row of its own: each sample, and each isolated copy, alone.
std::vector<TrainingRows> Alone(const TrainingRows& rows) {
  const TrainingRows packed = rows.WithoutPadding();
  const std::vector<int64_t> ends = packed.SegmentOffsets();
  std::vector<TrainingRows> alone;
  for (size_t i = 0; i + 1 < ends.size(); ++i) {
    const auto cut = [&](const auto& values) {
      return std::decay_t<decltype(values)>(values.begin() + ends[i], values.begin() + ends[i + 1]);
    };
    TrainingRows one{.rows = 1, .length = ends[i + 1] - ends[i]};
    one.input_ids = cut(packed.input_ids);
    one.labels = cut(packed.labels);
    one.position_ids = cut(packed.position_ids);
    one.segment_ids = cut(packed.segment_ids);
    one.sample_ids = cut(packed.sample_ids);
    one.masked = cut(packed.masked);
    one.regions = cut(packed.regions);
    alone.push_back(std::move(one));
  }
  return alone;
}

TEST(Packing, LossAndGradientsEqualTheSumOverTheSamplesAlone) {
  for (const auto layout : kLayouts) {
    SCOPED_TRACE(static_cast<int>(layout));
    const FinetuneStream stream(Samples(24), Options(layout, true));
    const TrainingRows rows = stream.Rows(1);
    ASSERT_GT(rows.SegmentCount(), rows.rows) << "nothing is packed";
    const Summed packed = Sum({rows}, rows.rows);
    ExpectSame(packed, Sum(Alone(rows), 1));
    ExpectSame(Sum({rows}, 1), packed);  // and in other micro-batches
  }
}

TEST(Packing, PackedAndGroupedEpochsHaveTheSameLossAndGradients) {
  for (const auto layout : kLayouts) {
    const auto epoch = [&](bool pack) {
      const FinetuneStream stream(Samples(24), Options(layout, pack));
      std::vector<TrainingRows> batches;
      for (int64_t step = 1; step <= stream.StepsOf(1); ++step)
        batches.push_back(stream.Rows(step));
      return Sum(batches, 2);
    };
    ExpectSame(epoch(true), epoch(false));
  }
}

}  // namespace
}  // namespace meap
