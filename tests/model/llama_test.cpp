#include "model/llama.h"

#include <ATen/ATen.h>

#include "checkpoint/hf_folder.h"
#include "model/presets.h"
#include "nn/linear_cross_entropy.h"
#include "tests/support.h"

namespace meap {
namespace {

LlamaConfig TinyConfig() {
  ModelOptions options;
  options.preset = "tiny";
  return ConfigFromOptions(options, 50, 32);
}

Llama MakeModel(const LlamaConfig& config, uint64_t seed = 1) {
  Llama model(config, at::kFloat, at::kCPU);
  model.Initialize(seed);
  return model;
}

/// Saves the model's weights as a Hugging Face folder; returns them.
std::vector<at::Tensor> Save(const Llama& model, const fs::path& folder,
                             StoredDType dtype = StoredDType::kF32) {
  std::vector<at::Tensor> weights;
  for (const Parameter& parameter : model.parameters()) weights.push_back(parameter.tensor);
  SaveHfFolder(folder, model.config(), model.HfSources(weights), {.dtype = dtype});
  return weights;
}

at::Tensor HiddenOf(const Llama& model, const at::Tensor& tokens, const Segments& segments) {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> positions;
  for (int64_t i = 0; i < segments.count(); ++i) {
    positions.push_back(at::arange(segments.length(i), at::kLong));
  }
  PackedAttender attender(segments);
  return model.Forward(tokens, at::cat(positions), attender);
}

TEST(Presets, HaveTheReleasedCodesSizes) {
  const std::pair<const char*, double> expected[] = {{"meap-0.1b", 0.122e9},
                                                     {"meap-0.3b", 0.324e9},
                                                     {"meap-0.5b", 0.481e9},
                                                     {"meap-1.1b", 1.176e9}};
  for (const auto& [name, count] : expected) {
    ModelOptions options;
    options.preset = name;
    options.vocab_size = 32064;
    const LlamaConfig config = ConfigFromOptions(options, 32001, 4096);
    double parameters = 0;
    for (const ExpectedTensor& tensor : HfTensors(config)) {
      double size = 1;
      for (const int64_t side : tensor.shape) size *= static_cast<double>(side);
      parameters += size;
    }
    EXPECT_NEAR(parameters, count, 0.0006e9) << name;
  }
}

TEST(Presets, BadNamesAndSizesAreNamed) {
  ModelOptions options;
  options.preset = "smal";
  EXPECT_EQ(testing::ErrorOf([&] { ConfigFromOptions(options, 50, 32); }).hint,
            "did you mean small?");
  options.preset = "tiny";
  options.vocab_size = 10;
  EXPECT_EQ(testing::ErrorOf([&] { ConfigFromOptions(options, 50, 32); }).where,
            "model.vocab_size");
}

TEST(Llama, InitialisesTheSameFromTheSameSeed) {
  const Llama a = MakeModel(TinyConfig()), b = MakeModel(TinyConfig()),
              c = MakeModel(TinyConfig(), 2);
  for (size_t i = 0; i < a.parameters().size(); ++i) {
    EXPECT_TRUE(at::equal(a.parameters()[i].tensor, b.parameters()[i].tensor));
  }
  EXPECT_FALSE(at::equal(a.parameters()[0].tensor, c.parameters()[0].tensor));
}

TEST(Llama, IsCausal) {
  const Llama model = MakeModel(TinyConfig());
  const at::Tensor tokens = at::arange(16, at::kLong);
  at::Tensor changed = tokens.clone();
  changed[10] = 40;
  const auto before = HiddenOf(model, tokens, Segments{{0, 16}});
  const auto after = HiddenOf(model, changed, Segments{{0, 16}});
  EXPECT_TRUE(at::equal(before.narrow(0, 0, 10), after.narrow(0, 0, 10)));
  EXPECT_FALSE(at::allclose(before.narrow(0, 10, 6), after.narrow(0, 10, 6)));
}

TEST(Llama, LogitsOfBf16AreNotRoundedAndThoseOfARowItsOwn) {
  const at::NoGradGuard no_grad;
  Llama model(TinyConfig(), at::kBFloat16, at::kCPU);
  model.Initialize(1);
  at::manual_seed(2);
  const at::Tensor hidden = at::randn({40, model.config().hidden_size}).to(at::kBFloat16);
  const at::Tensor together = model.Logits(hidden);
  EXPECT_EQ(together.scalar_type(), at::kFloat);
  EXPECT_FALSE(at::equal(together.to(at::kBFloat16).to(at::kFloat), together));
  for (int64_t row = 0; row < hidden.size(0); ++row) {
    EXPECT_TRUE(at::equal(model.Logits(hidden.narrow(0, row, 1)), together.narrow(0, row, 1)));
  }
}

TEST(Llama, PackedSegmentsEqualEachAlone) {
  const Llama model = MakeModel(TinyConfig());
  const at::Tensor tokens = at::arange(24, at::kLong);
  const at::Tensor packed = HiddenOf(model, tokens, Segments{{0, 5, 6, 17, 24}});
  for (const auto& [begin, length] : {std::pair{0, 5}, {5, 1}, {6, 11}, {17, 7}}) {
    const at::Tensor alone =
        HiddenOf(model, tokens.narrow(0, begin, length), Segments{{0, length}});
    EXPECT_TRUE(at::allclose(packed.narrow(0, begin, length), alone, 1e-5, 1e-5)) << begin;
  }
}

TEST(Llama, SavesAndLoadsAndGrowsByTheMean) {
  const testing::TempDir dir;
  const LlamaConfig config = TinyConfig();
  const Llama model = MakeModel(config);
  const std::vector<at::Tensor> weights = Save(model, dir / "hf");
  LlamaConfig grown = config;
  grown.vocab_size += 2;
  Llama loaded(grown, at::kFloat, at::kCPU);
  loaded.Load(dir / "hf", config);
  const at::Tensor embedding = loaded.parameters()[0].tensor;
  EXPECT_TRUE(at::equal(embedding.narrow(0, 0, 50), weights[0]));
  EXPECT_TRUE(at::allclose(embedding[50], weights[0].mean(0)));
  EXPECT_TRUE(at::allclose(embedding[51], weights[0].mean(0)));
  for (size_t i = 1; i + 1 < weights.size(); ++i) {
    EXPECT_TRUE(at::equal(loaded.parameters()[i].tensor, weights[i]))
        << loaded.parameters()[i].name;
  }
}

TEST(Llama, NarrowMatricesComputeAsTheirWidenedTwins) {
  const testing::TempDir dir;
  const LlamaConfig config = TinyConfig();
  const Llama model = MakeModel(config);
  Save(model, dir / "hf", StoredDType::kBF16);
  EXPECT_EQ(HfBlockDtype(dir / "hf"), at::kBFloat16);
  Llama wide(config, at::kFloat, at::kCPU);
  Llama narrow(config, at::kFloat, at::kCPU, at::kBFloat16);
  wide.Load(dir / "hf", config);
  narrow.Load(dir / "hf", config);
  for (const int64_t tokens : {3, 30}) {  // as decoding does it, and as training does
    const at::Tensor ids = at::arange(tokens, at::kLong);
    const at::Tensor expected = HiddenOf(wide, ids, Segments{{0, tokens}});
    EXPECT_EQ(expected.scalar_type(), at::kFloat);
    EXPECT_TRUE(at::equal(HiddenOf(narrow, ids, Segments{{0, tokens}}), expected)) << tokens;
  }
}

TEST(Llama, GradientsReachEveryParameter) {
  const Llama model = MakeModel(TinyConfig());
  for (const Parameter& parameter : model.parameters()) parameter.tensor.requires_grad_(true);
  PackedAttender attender(Segments{{0, 8, 16}});
  const at::Tensor tokens = at::arange(16, at::kLong);
  const at::Tensor hidden = model.Forward(tokens, tokens.remainder(8), attender);
  LinearCrossEntropy(hidden, model.head(), tokens.roll(-1), 1.0 / 16).loss.backward();
  for (const Parameter& parameter : model.parameters()) {
    ASSERT_TRUE(parameter.tensor.grad().defined()) << parameter.name;
    EXPECT_GT(parameter.tensor.grad().abs().max().item<float>(), 0) << parameter.name;
  }
}

}  // namespace
}  // namespace meap
