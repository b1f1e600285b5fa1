// The measures can tell: nothing where there is nothing, everything where masks get no attention.
#include "analysis/studies.h"

#include "analysis/attention_report.h"
#include "objective/mask.h"
#include "tests/analysis/analysis_support.h"

namespace meap {
namespace {

using testing::ErrorOf;
using testing::FreshModel;

std::vector<int32_t> Stream(int64_t tokens) {
  const at::Tensor ids = testing::RandomIds(1, tokens).to(at::kInt).contiguous();
  return {ids.const_data_ptr<int32_t>(), ids.const_data_ptr<int32_t>() + tokens};
}

nlohmann::ordered_json Decay(const LoadedModel& loaded, int64_t length, int64_t windows,
                             const std::vector<double>& ratios) {
  CorpusOptions corpus;
  corpus.lengths = {length};
  corpus.windows = windows;
  const std::vector<MaskEffect> effects =
      MeasureMaskEffects(loaded, Stream(length * windows), corpus, ratios, /*seed=*/3);
  return MaskEffectJson({{"model", "folder", effects}}, {});
}

/// Sets the weights so that no query gives a [MASK] key any attention: one element of the residual
/// stream is 1 for [MASK] alone and never written; the key's slowest rotating element reads it, the
/// query's is a constant.
LoadedModel BlindToMasks() {
  LoadedModel loaded = FreshModel(2);
  LlamaConfig config = loaded.model.config();
  config.attention_bias = true;
  config.rope_theta = 1e30;
  Llama model(config, at::kFloat, at::kCPU);
  model.Initialize(2);
  const int64_t last = config.hidden_size - 1, width = config.head_dim;
  const int64_t queries = config.num_attention_heads * width;
  const int64_t keys = config.num_key_value_heads * width;
  for (const Parameter& parameter : model.parameters()) {
    const std::string& name = parameter.name;
    const at::Tensor& tensor = parameter.tensor;
    if (name == "embedding") {
      tensor.select(1, last).zero_();
      tensor[*loaded.tokenizer.mask()][last] = 1;
    } else if (name.ends_with(".out") || name.ends_with(".down")) {
      tensor[last].zero_();
    } else if (name.ends_with(".qkv")) {
      for (int64_t row = width - 1; row < queries + keys; row += width) {
        tensor[row].zero_();
        if (row >= queries) tensor[row][last] = -1e4;
      }
    } else if (name.ends_with(".qkv_bias")) {
      for (int64_t row = width - 1; row < queries; row += width) tensor[row] = 1e4;
    }
  }
  return {std::move(loaded.tokenizer), std::move(model), at::kCPU};
}

TEST(MaskEffects, AModelBlindToMasksDecaysWholly) {
  const auto report = Decay(BlindToMasks(), 64, 8, {0.15, 0.5});
  for (const auto& result : report["runs"][0]["results"]) {
    EXPECT_EQ(result["decay"]["value"], 1.0);
    EXPECT_EQ(result["decay"]["low"], 1.0);
    EXPECT_EQ(result["decay"]["high"], 1.0);
    EXPECT_GT(result["received"]["original"], 0.0);
    EXPECT_GT(result["variance_increase"]["value"], 0.0);
    for (const auto& layer : result["layers"]) {
      for (const auto& head : layer["heads"]) EXPECT_EQ(head["decay"]["value"], 1.0);
    }
  }
}

TEST(MaskEffects, AnUntrainedModelDoesNotDecay) {
  int holds = 0;
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    const auto report = Decay(FreshModel(seed, 4, 8, 4), 64, 32, {0.15});
    const auto& decay = report["runs"][0]["results"][0]["decay"];
    EXPECT_NEAR(decay["value"].get<double>(), 0, 0.005) << seed;
    holds += decay["low"].get<double>() <= 0 && decay["high"].get<double>() >= 0 ? 1 : 0;
  }
  EXPECT_GE(holds, 9);  // 95 % intervals: one of ten may miss
}

TEST(MaskEffects, MasksAreThoseOfPretraining) {
  const LoadedModel loaded = FreshModel(1);
  CorpusOptions corpus;
  corpus.lengths = {16, 40};
  corpus.windows = 3;
  const auto effects = MeasureMaskEffects(loaded, Stream(120), corpus, {0.25}, 9);
  ASSERT_EQ(effects.size(), 2u);
  EXPECT_EQ(effects[0].windows(), 3);
  EXPECT_EQ(effects[1].masked[2], DrawMaskPositions(0.25, 40, {9, 0, 2}));
}

TEST(MaskEffects, ARatioThatMasksNothingIsRefused) {
  const LoadedModel loaded = FreshModel(1);
  CorpusOptions corpus;
  corpus.lengths = {16};
  for (const double ratio : {0.05, 0.95}) {
    const auto parts = ErrorOf([&] { MeasureMaskEffects(loaded, Stream(64), corpus, {ratio}, 0); });
    EXPECT_EQ(parts.where, "--ratio");
  }
}

TEST(MaskEffectReport, ComparesLaterModelsWithTheFirst) {
  const auto effect = [](double plain, double masked) {
    MaskEffect e{.length = 8, .ratio = 0.25, .masked = {{1, 2}, {3, 4}}};
    e.original = {at::full({2, 1, 1}, plain, at::kDouble), at::full({2, 1, 1}, 1.0, at::kDouble)};
    e.with_masks = {at::full({2, 1, 1}, masked, at::kDouble),
                    at::full({2, 1, 1}, 1.5, at::kDouble)};
    return std::vector<MaskEffect>{e};
  };
  const auto report =
      MaskEffectJson({{"ntp", "a", effect(0.4, 0.3)}, {"meap", "b", effect(0.2, 0.1)}}, {});
  EXPECT_NEAR(report["runs"][0]["results"][0]["decay"]["value"], 0.25, 1e-12);
  EXPECT_NEAR(report["runs"][1]["results"][0]["decay"]["value"], 0.5, 1e-12);
  EXPECT_NEAR(report["between"][0]["results"][0]["decay"]["value"], 0.75, 1e-12);
  EXPECT_NEAR(report["between"][0]["results"][0]["variance_increase"]["value"], 0.5, 1e-12);
  EXPECT_EQ(MaskEffectTables(report, "")[0].rows.size(), 3u);
}

/// Two windows; values by layer and head.
MaskEffect EffectOf(const at::Tensor& original_LH, const at::Tensor& masked_LH) {
  const auto windows = [](const at::Tensor& x_LH) { return at::stack({x_LH, x_LH}); };
  MaskEffect effect{.length = 8, .ratio = 0.25, .masked = {{1, 2}, {3, 4}}};
  effect.original = {windows(original_LH), windows(original_LH)};
  effect.with_masks = {windows(masked_LH), windows(masked_LH)};
  return effect;
}

TEST(MaskEffectReport, ComparesModelsByLayerAndHead) {
  const auto values = [](std::vector<double> x) { return at::tensor(x, at::kDouble).view({2, 2}); };
  const at::Tensor ones = at::ones({2, 2}, at::kDouble);
  const MaskEffect first = EffectOf(values({0.4, 0.8, 0.2, 0.1}), ones);
  const MaskEffect second = EffectOf(ones, values({0.1, 0.6, 0.2, 0.2}));
  const auto report = MaskEffectJson({{"ntp", "a", {first}}, {"meap", "b", {second}}}, {});
  const auto& layers = report["between"][0]["results"][0]["layers"];
  ASSERT_EQ(layers.size(), 2u);
  EXPECT_NEAR(layers[0]["decay"]["value"], 1 - 0.7 / 1.2, 1e-12);
  EXPECT_NEAR(layers[0]["heads"][0]["decay"]["value"], 0.75, 1e-12);
  EXPECT_NEAR(layers[1]["heads"][1]["decay"]["value"], -1, 1e-12);
  EXPECT_NEAR(layers[1]["heads"][1]["variance_increase"]["value"], 1, 1e-12);
  EXPECT_NEAR(layers[1]["variance"]["original"], 0.15, 1e-12);
  EXPECT_FALSE(report["between"][0]["results"][0].contains("by_window"));
  EXPECT_EQ(MaskEffectTables(report, "heads").size(), 4u);
  EXPECT_EQ(MaskEffectTables(report, "layers")[3].rows.size(), 2u);
}

TEST(MaskEffectReport, ModelsOfOtherShapesAreComparedInAllAlone) {
  const at::Tensor one = at::ones({1, 1}, at::kDouble), four = at::ones({2, 2}, at::kDouble);
  const auto report = MaskEffectJson(
      {{"ntp", "a", {EffectOf(one, one)}}, {"meap", "b", {EffectOf(four, four)}}}, {});
  const auto& result = report["between"][0]["results"][0];
  EXPECT_NEAR(result["decay"]["value"], 0, 1e-12);
  EXPECT_TRUE(result["layers"].empty());
  EXPECT_EQ(MaskEffectTables(report, "layers").size(), 3u);
}

TEST(RatioInterval, HoldsTheRatioAndShrinksWithSamples) {
  at::manual_seed(1);
  const auto width = [](int64_t n) {
    const at::Tensor below = at::rand({n, 1}, at::kDouble) + 1;
    const at::Tensor above = 2 * below + 0.1 * at::randn({n, 1}, at::kDouble);
    const Estimate estimate = RatiosOfMeans(above, below, {})[0];
    EXPECT_LT(estimate.interval->low, estimate.value);
    EXPECT_GT(estimate.interval->high, estimate.value);
    EXPECT_NEAR(estimate.value, 2, 0.1);
    return estimate.interval->high - estimate.interval->low;
  };
  const double few = width(25);
  EXPECT_NEAR(width(2500) / few, 0.1, 0.05);
}

TEST(RatioInterval, OverHeadsHoldsWhatOneHeadAloneWouldNot) {
  // Heads whose ratios are 0.5 and 1.5, the same in every window.
  const at::Tensor below = at::ones({20, 2}, at::kDouble);
  const at::Tensor above = at::tensor({0.5, 1.5}, at::kDouble).expand({20, 2}).contiguous();
  const auto heads = RatiosOfMeans(above, below, {});
  EXPECT_NEAR(heads[0].interval->high - heads[0].interval->low, 0, 1e-12);
  const Estimate all = RatioOverHeads(above, below, /*paired=*/true, {});
  EXPECT_NEAR(all.value, 1, 1e-12);
  EXPECT_NEAR(all.interval->low, 0.5, 1e-12);
  EXPECT_NEAR(all.interval->high, 1.5, 1e-12);
}

TEST(RatioInterval, OneSampleHasNone) {
  const at::Tensor one = at::ones({1, 2}, at::kDouble);
  EXPECT_FALSE(Means(one, {})[1].interval.has_value());
}

}  // namespace
}  // namespace meap
