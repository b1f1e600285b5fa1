#include "model/forecast.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "model/llama.h"
#include "model/presets.h"

namespace meap {
namespace {

LlamaConfig Preset(const char* name, int64_t length) {
  ModelOptions options;
  options.preset = name;
  return ConfigFromOptions(options, 32064, length);
}

/// meap-0.1b at a context of 1,024 tokens.
TrainShape SmallModel(int64_t batch_rows, int64_t micro_rows) {
  return {.config = Preset("meap-0.1b", 1024),
          .sequence_length = 1024,
          .batch_rows = batch_rows,
          .micro_rows = micro_rows};
}

double BytesOf(const TrainShape& shape, const std::string& purpose) {
  for (const MemoryUse& use : ForecastMemory(shape)) {
    if (use.purpose == purpose) return use.bytes;
  }
  ADD_FAILURE() << purpose;
  return 0;
}

TEST(CountParameters, AreThoseOfTheModel) {
  for (const bool tied : {false, true}) {
    LlamaConfig config = Preset("tiny", 64);
    config.tie_word_embeddings = tied;
    const Llama model(config, at::kFloat, at::kCPU);
    EXPECT_EQ(CountParameters(config), model.ParameterCount());
    const int64_t head = config.vocab_size * config.hidden_size;
    const int64_t norms = (2 * config.num_hidden_layers + 1) * config.hidden_size;
    EXPECT_EQ(CountMatrixParameters(config), CountParameters(config) - norms - (tied ? 0 : head));
  }
}

TEST(CountParameters, KnowsBiasesAndNormsOfHeads) {
  LlamaConfig config = Preset("tiny", 64);
  config.attention_bias = true;
  for (const bool output : {false, true}) {
    config.attention_output_bias = output;
    config.qk_norm = output;
    EXPECT_EQ(CountParameters(config), Llama(config, at::kFloat, at::kCPU).ParameterCount());
  }
}

TEST(TrainFlopsPerToken, IsTheFormulaOfTheInterface) {
  // 55 % of 989 TFLOP/s is about 69,000 tokens/s of meap-1.1b at context 4096.
  EXPECT_NEAR(0.55 * 989e12 / TrainFlopsPerToken(Preset("meap-1.1b", 4096), 4096), 69000, 1000);
}

TEST(TrainFlopsPerToken, CountsAttentionByItsOwnWidth) {
  LlamaConfig config = Preset("tiny", 64);
  const auto attention = [&] {
    return TrainFlopsPerToken(config, 64) -
           6.0 * static_cast<double>(CountMatrixParameters(config));
  };
  const double before = attention();
  config.head_dim *= 2;
  EXPECT_DOUBLE_EQ(attention(), 2 * before);
}

TEST(ForecastMemory, OptimizerAndWeightsAreExact) {
  TrainShape shape = SmallModel(8, 2);
  const auto parameters = static_cast<double>(CountParameters(shape.config));
  EXPECT_EQ(BytesOf(shape, "weights"), 4 * parameters);
  EXPECT_EQ(BytesOf(shape, "gradients"), 4 * parameters);
  EXPECT_EQ(BytesOf(shape, "optimizer"), 8 * parameters);
  EXPECT_EQ(BytesOf(shape, "checkpoint copy"), 0);
  shape.narrow = true;
  shape.checkpoint_copy = true;
  EXPECT_EQ(BytesOf(shape, "weights"), 6 * parameters);
  EXPECT_EQ(BytesOf(shape, "checkpoint copy"), 12 * parameters);
}

TEST(ForecastMemory, AFewTrainedParametersTakeNoMoreThanTheyNeed) {
  TrainShape shape = SmallModel(8, 2);
  shape.trained_parameters = 1000;
  EXPECT_EQ(BytesOf(shape, "optimizer"), 8000);
  EXPECT_EQ(BytesOf(shape, "gradients"), 4000);
}

TEST(ForecastMemory, WhatIsMadeAgainIsNotKept) {
  TrainShape shape = SmallModel(16, 4);
  const double none = BytesOf(shape, "activations");
  shape.recomputed = Recomputed::kMlp;
  const double mlp = BytesOf(shape, "activations");
  shape.recomputed = Recomputed::kBlock;
  EXPECT_LT(mlp, 0.7 * none);
  EXPECT_LT(BytesOf(shape, "activations"), 0.5 * mlp);
}

TEST(ForecastMemory, NormsOfHeadsKeepWhatTheyNormed) {
  TrainShape shape = SmallModel(4, 2);
  const double before = BytesOf(shape, "activations");
  shape.config.qk_norm = true;
  const LlamaConfig& c = shape.config;
  const int64_t heads = c.num_attention_heads + c.num_key_value_heads;
  const int64_t normed = 2 * 1024 * c.num_hidden_layers * heads;
  EXPECT_DOUBLE_EQ(BytesOf(shape, "activations") - before,
                   4.0 * static_cast<double>(normed * (c.head_dim + 1)));
}

TEST(ForecastMemory, ActivationsGrowWithTheRowsOfAPass) {
  TrainShape shape = SmallModel(16, 2);
  const double two = BytesOf(shape, "activations");
  shape.micro_rows = 4;
  EXPECT_NEAR(BytesOf(shape, "activations") / two, 2, 0.01);
}

TEST(ForecastMemory, AFrozenHeadHasNoGradient) {
  TrainShape shape = SmallModel(8, 2);
  shape.trained_parameters = 1000;
  const double trained = BytesOf(shape, "head");
  shape.frozen_head = true;
  const auto gradient = static_cast<double>(4 * shape.config.vocab_size * shape.config.hidden_size);
  EXPECT_EQ(trained - BytesOf(shape, "head"), gradient);
}

}  // namespace
}  // namespace meap
