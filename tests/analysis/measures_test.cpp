// The streamed measures against the definitions in their headers, computed from whole matrices.
#include "analysis/mask_effect.h"
#include "analysis/profile.h"
#include "tests/analysis/analysis_support.h"

namespace meap {
namespace {

using testing::FreshModel;
using testing::RandomIds;
using testing::RunModel;
using testing::WholeAttention;

/// Weights larger than fresh ones, so that attention is far from uniform.
LoadedModel SharpModel(int64_t heads, int64_t kv_heads) {
  LoadedModel loaded = FreshModel(5, 2, heads, kv_heads);
  for (const Parameter& parameter : loaded.model.parameters()) {
    if (parameter.name.ends_with("qkv")) parameter.tensor.mul_(15);
  }
  return loaded;
}

TEST(AttentionStream, ShowsTheWholeAttention) {
  for (const auto& [heads, kv_heads] : {std::pair{4, 4}, {4, 2}, {4, 1}}) {
    const LoadedModel loaded = SharpModel(heads, kv_heads);
    const at::Tensor ids = RandomIds(3, 37);
    testing::Recorder recorder(2, 3, heads, 37);
    AttentionStream stream(3, 37, {&recorder});
    RunModel(loaded.model, ids, stream);
    WholeAttention whole(3, 37);
    RunModel(loaded.model, ids, whole);
    for (size_t layer = 0; layer < 2; ++layer) {
      EXPECT_TRUE(
          at::allclose(recorder.weights[layer].to(at::kDouble), whole.weights[layer], 1e-4, 1e-6));
    }
  }
}

TEST(AttentionStream, BlocksCoverLongSequencesAndBeginWhereAsked) {
  const LoadedModel loaded = FreshModel(1, 1, 4, 2, 2048);
  const at::Tensor ids = RandomIds(1, 2048);
  WholeAttention whole(1, 2048);
  RunModel(loaded.model, ids, whole);
  for (const int64_t first : {0, 1, 1000, 2047}) {
    testing::Recorder recorder(1, 1, 4, 2048);
    AttentionStream stream(1, 2048, {&recorder}, first);
    RunModel(loaded.model, ids, stream);
    const at::Tensor got = recorder.weights[0].narrow(2, first, 2048 - first).to(at::kDouble);
    EXPECT_TRUE(at::allclose(got, whole.weights[0].narrow(2, first, 2048 - first), 1e-4, 1e-7));
    EXPECT_EQ(recorder.weights[0].narrow(2, 0, first).abs().sum().item<double>(), 0);
  }
}

/// Both statistics of one head by the loops of the definition.
std::pair<double, double> ByDefinition(const at::Tensor& weights_TT, const at::Tensor& masked_T) {
  const int64_t length = masked_T.size(0);
  const auto a = weights_TT.accessor<double, 2>();
  const auto masked = masked_T.accessor<bool, 1>();
  double received = 0, variances = 0;
  int64_t pairs = 0, queries = 0;
  for (int64_t i = 0; i < length; ++i) {
    std::vector<double> others;
    for (int64_t j = 0; j <= i; ++j) {
      if (!masked[j]) others.push_back(a[i][j]);
    }
    if (others.empty()) continue;
    for (int64_t j = 0; j <= i; ++j) {
      if (!masked[j]) continue;
      received += a[i][j];
      ++pairs;
    }
    if (others.size() < 2) continue;
    double mean = 0, squares = 0;
    for (const double x : others) mean += x / static_cast<double>(others.size());
    for (const double x : others) squares += (x - mean) * (x - mean);
    variances += squares / static_cast<double>(others.size());
    ++queries;
  }
  return {received / static_cast<double>(pairs), variances / static_cast<double>(queries)};
}

TEST(MaskEffect, EqualsItsDefinition) {
  const LoadedModel loaded = SharpModel(4, 2);
  const at::Tensor ids = RandomIds(2, 50);
  at::Tensor masked = at::zeros({2, 50}, at::kBool);
  for (const int64_t place : {0, 1, 7, 30, 49}) masked[0][place] = true;
  for (const int64_t place : {3, 4, 48}) masked[1][place] = true;
  MaskEffectObserver observer(masked, 2, 4);
  AttentionStream stream(2, 50, {&observer});
  RunModel(loaded.model, ids, stream);
  WholeAttention whole(2, 50);
  RunModel(loaded.model, ids, whole);
  const MaskStatistics got = observer.Result();
  for (int64_t r = 0; r < 2; ++r) {
    for (int64_t layer = 0; layer < 2; ++layer) {
      for (int64_t head = 0; head < 4; ++head) {
        const at::Tensor weights = whole.weights[static_cast<size_t>(layer)][r][head].contiguous();
        const auto [received, variance] = ByDefinition(weights, masked[r]);
        EXPECT_NEAR(got.received_RLH[r][layer][head].item<double>(), received, 1e-6);
        EXPECT_NEAR(got.variance_RLH[r][layer][head].item<double>(), variance, 1e-6);
      }
    }
  }
}

TEST(Profile, EqualsItsDefinition) {
  const LoadedModel loaded = SharpModel(4, 2);
  const int64_t length = 41;
  const at::Tensor ids = RandomIds(2, length);
  ProfileObserver observer(2, length, 2, 4, at::kCPU);
  AttentionStream stream(2, length, {&observer});
  RunModel(loaded.model, ids, stream);
  WholeAttention whole(2, length);
  RunModel(loaded.model, ids, whole);
  const ProfileStatistics got = observer.Result();
  const std::vector<int64_t> classes = DistanceClasses(length);
  EXPECT_EQ(classes, (std::vector<int64_t>{0, 1, 2, 4, 8, 16, 32}));
  for (int64_t layer = 0; layer < 2; ++layer) {
    const at::Tensor weights = whole.weights[static_cast<size_t>(layer)].narrow(2, 1, length - 1);
    const at::Tensor entropy = -(weights * weights.clamp_min(1e-300).log()).sum(3).mean(2);
    EXPECT_TRUE(at::allclose(got.entropy_RLH.select(1, layer), entropy, 1e-4, 1e-5));
    const at::Tensor first = weights.select(3, 0).mean(2);
    EXPECT_TRUE(at::allclose(got.first_RLH.select(1, layer), first, 1e-4, 1e-6));
    const at::Tensor distance =
        at::arange(1, length, at::kLong).unsqueeze(1) - at::arange(length, at::kLong);
    for (size_t c = 0; c < classes.size(); ++c) {
      const int64_t end = c + 1 < classes.size() ? classes[c + 1] : length;
      const at::Tensor inside = (distance >= classes[c]).logical_and(distance < end);
      const at::Tensor share = (weights * inside).sum(3).mean(2);
      EXPECT_TRUE(at::allclose(got.distance_RLHW.select(1, layer).select(2, int64_t(c)), share,
                               1e-4, 1e-6));
    }
  }
}

}  // namespace
}  // namespace meap
