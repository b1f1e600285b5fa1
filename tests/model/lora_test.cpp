#include "nn/lora.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "model/llama.h"
#include "model/presets.h"
#include "tests/support.h"

namespace meap {
namespace {

constexpr int64_t kMask = 49;

LlamaConfig TinyConfig(bool tied) {
  ModelOptions options;
  options.preset = "tiny";
  options.num_key_value_heads = 1;
  options.tie_word_embeddings = tied;
  return ConfigFromOptions(options, 50, 32);
}

Llama MakeModel(bool tied = false) {
  Llama model(TinyConfig(tied), at::kFloat, at::kCPU);
  model.Initialize(1);
  return model;
}

LoraOptions Options(std::vector<std::string> modules) {
  LoraOptions options;
  options.rank = 3;
  options.alpha = 6;
  options.target_modules = std::move(modules);
  return options;
}

at::Tensor Logits(const Llama& model, std::optional<uint64_t> dropout_seed = {}) {
  const at::NoGradGuard no_grad;
  const at::Tensor tokens = at::arange(40, 50, at::kLong);
  PackedAttender attender(Segments{{0, 10}});
  return model.Logits(model.Forward(tokens, at::arange(10, at::kLong), attender, dropout_seed));
}

/// B is 0 at first: something for the adapters to add.
void FillB(const Llama& model) {
  const at::NoGradGuard no_grad;
  at::Generator generator = at::detail::createCPUGenerator(9);
  for (const Parameter& parameter : model.lora_parameters()) {
    if (parameter.name.ends_with(".B")) at::Tensor(parameter.tensor).normal_(0, 0.1, generator);
  }
}

TEST(Lora, BeginsAsThePlainModel) {
  Llama adapted = MakeModel();
  adapted.AddLora(Options({"q_proj", "up_proj"}), 1, kMask);
  EXPECT_TRUE(at::allclose(Logits(adapted), Logits(MakeModel()), 0, 1e-6));
}

TEST(Lora, EqualsWeightsThatTheProductIsAddedTo) {
  // Every module alone, and all: each slice of the stacked matrices is hit where it stands.
  const std::vector<std::vector<std::string>> choices = {
      {"q_proj"},
      {"k_proj"},
      {"v_proj"},
      {"o_proj"},
      {"gate_proj"},
      {"up_proj"},
      {"down_proj"},
      {"v_proj", "gate_proj", "o_proj"},
      {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}};
  for (const auto& modules : choices) {
    SCOPED_TRACE(modules.front());
    Llama adapted = MakeModel(), merged = MakeModel();
    adapted.AddLora(Options(modules), 1, -1);
    FillB(adapted);
    const at::NoGradGuard no_grad;
    for (size_t i = 0; i < adapted.adapted().size(); ++i) {
      const HfSlice& slice = adapted.adapted()[i];
      merged.parameters()[slice.parameter]
          .tensor.narrow(0, slice.row, slice.rows)
          .add_(LoraDelta(adapted.lora_parameters()[2 * i].tensor,
                          adapted.lora_parameters()[2 * i + 1].tensor, 2.0));
    }
    EXPECT_FALSE(at::allclose(Logits(adapted), Logits(MakeModel()), 0, 1e-4));
    EXPECT_TRUE(at::allclose(Logits(adapted), Logits(merged), 0, 1e-5));
  }
}

TEST(Lora, TrainsAdaptersAndTheRowsOfMaskAndNothingElse) {
  for (const bool tied : {false, true}) {
    Llama model = MakeModel(tied);
    model.AddLora(Options({"q_proj", "down_proj"}), 1, kMask);
    const size_t adapters = 2 * 2 * static_cast<size_t>(model.config().num_hidden_layers);
    EXPECT_EQ(model.lora_parameters().size(), adapters + (tied ? 1 : 2));
    for (const Parameter& p : model.parameters()) EXPECT_FALSE(p.tensor.requires_grad()) << p.name;
    for (const Parameter& p : model.lora_parameters()) EXPECT_TRUE(p.tensor.requires_grad());
  }
}

TEST(Lora, TheTrainedRowIsTheTablesOwn) {
  Llama model = MakeModel();
  model.AddLora(Options({"q_proj"}), 1, kMask);
  const at::Tensor before = Logits(model);
  const at::NoGradGuard no_grad;
  at::Tensor(model.lora_parameters().back().tensor).add_(1.0);  // the head's row
  const at::Tensor changed = (Logits(model) - before).abs().amax(0);
  EXPECT_GT(changed[kMask].item<double>(), 1e-3);
  EXPECT_EQ(changed.narrow(0, 0, kMask).max().item<double>(), 0);
}

TEST(Lora, RsLoraScalesByTheRootOfTheRank) {
  LoraOptions options = Options({"q_proj"});
  options.rank = 16;
  options.alpha = 8;
  EXPECT_EQ(LoraScale(options), 0.5);
  options.rslora = true;
  EXPECT_EQ(LoraScale(options), 2.0);
}

TEST(Lora, DropoutIsDrawnFromItsSeedAndOnlyInTraining) {
  LoraOptions options = Options({"q_proj", "down_proj"});
  options.dropout = 0.5;
  Llama model = MakeModel();
  model.AddLora(options, 1, -1);
  FillB(model);
  EXPECT_TRUE(at::equal(Logits(model, 1), Logits(model, 1)));
  EXPECT_FALSE(at::equal(Logits(model, 1), Logits(model, 2)));
  EXPECT_FALSE(at::equal(Logits(model, 1), Logits(model)));
  EXPECT_TRUE(at::equal(Logits(model), Logits(model)));
}

TEST(Lora, RecomputedActivationsGiveTheSameGradients) {
  const auto grads = [](Recomputed recomputed) {
    LoraOptions options = Options({"q_proj", "up_proj", "down_proj"});
    options.dropout = 0.5;
    Llama model = MakeModel();
    model.AddLora(options, 1, -1);  // no row is trained: the first block's inputs want no gradient
    FillB(model);
    model.SetRecomputed(recomputed);
    PackedAttender attender(Segments{{0, 10}});
    const at::Tensor tokens = at::arange(40, 50, at::kLong);
    model.Forward(tokens, at::arange(10, at::kLong), attender, 5).pow(2).sum().backward();
    std::vector<at::Tensor> all;
    for (const Parameter& p : model.lora_parameters()) all.push_back(p.tensor.grad());
    return all;
  };
  const std::vector<at::Tensor> kept = grads(Recomputed::kNone);
  for (const Recomputed recomputed : {Recomputed::kMlp, Recomputed::kBlock}) {
    const std::vector<at::Tensor> again = grads(recomputed);
    for (size_t i = 0; i < kept.size(); ++i) EXPECT_TRUE(at::equal(kept[i], again[i])) << i;
  }
}

TEST(Lora, AnUnknownModuleIsNamed) {
  Llama model = MakeModel();
  const ErrorParts error = testing::ErrorOf([&] {
    model.AddLora(Options({"q_proj", "c_attn"}), 1, -1);
  });
  EXPECT_EQ(error.where, "lora.target_modules");
  EXPECT_EQ(error.got, "c_attn");
}

}  // namespace
}  // namespace meap
