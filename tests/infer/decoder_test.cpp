#include "infer/decoder.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <memory>

#include "model/presets.h"
#include "tests/infer/infer_support.h"
#include "tests/nn/operator_support.h"
#include "tests/support.h"

namespace meap {
namespace {

using testing::RandomIds;

constexpr int64_t kVocabulary = 61;
constexpr int64_t kContext = 500;

struct Shape {
  at::ScalarType dtype = at::kFloat;
  int64_t kv_heads = 2;
  int64_t width = 344;  // of SwiGLU
  bool biases = false;
  bool tied = true;
  bool qk_norm = false;
  bool output_bias = true;
};

Llama MakeModel(const Shape& shape) {
  ModelOptions options;
  options.preset = "tiny";
  options.num_attention_heads = 4;
  options.num_key_value_heads = shape.kv_heads;
  LlamaConfig config = ConfigFromOptions(options, kVocabulary, kContext);
  config.intermediate_size = shape.width;
  config.attention_bias = shape.biases;
  config.mlp_bias = shape.biases;
  config.tie_word_embeddings = shape.tied;
  config.qk_norm = shape.qk_norm;
  config.attention_output_bias = shape.output_bias;
  config.initializer_range = 0.2;
  Llama model(config, shape.dtype, at::kCPU);
  model.Initialize(3);
  const at::NoGradGuard no_grad;
  at::Generator generator = at::detail::createCPUGenerator(7);
  for (const Parameter& parameter : model.parameters()) {
    if (!parameter.decays) parameter.tensor.add_(at::randn(parameter.tensor.sizes(), generator));
  }
  return model;
}

at::Tensor Forward(const Llama& model, CacheAttender& attender) {
  return model.Logits(
      model.Forward(attender.Tokens(at::kCPU), attender.Positions(at::kCPU), attender));
}

/// Some sequences of many lengths (one beyond a chunk of attention), decoded in both ways.
class BothWays {
 public:
  BothWays(const Llama& model, int64_t sequences) : model_(model), decoder_(model) {
    for (int64_t i = 0; i < sequences; ++i) {
      const std::vector<int32_t> prompt = RandomIds(i == 1 ? 300 : 1 + 5 * i, kVocabulary, i);
      for (auto* caches : {&decoded_, &forwarded_}) {
        caches->push_back(std::make_unique<KvCache>(model.config(), kContext,
                                                    model.embedding().scalar_type(), at::kCPU));
        CacheAttender attender({{caches->back().get(), prompt}});
        Forward(model, attender);
        attender.Commit();
      }
    }
  }

  void ExpectSameStep(uint64_t seed) {
    const std::vector<int32_t> ids =
        RandomIds(static_cast<int64_t>(decoded_.size()), kVocabulary, seed);
    CacheAttender decoded(Parts(decoded_, ids));
    CacheAttender forwarded(Parts(forwarded_, ids));
    ASSERT_TRUE(decoder_.Takes(decoded.parts()));
    ASSERT_TRUE(at::equal(decoder_.Logits(decoded.parts()), Forward(model_, forwarded))) << seed;
    decoded.Commit();
    forwarded.Commit();
  }

  bool packed() const { return decoder_.packed_bytes() > 0; }

 private:
  using Caches = std::vector<std::unique_ptr<KvCache>>;
  static std::vector<CacheAttender::Part> Parts(const Caches& caches,
                                                const std::vector<int32_t>& ids) {
    std::vector<CacheAttender::Part> parts;
    for (size_t i = 0; i < caches.size(); ++i) parts.push_back({caches[i].get(), {ids[i]}});
    return parts;
  }

  const Llama& model_;
  Decoder decoder_;
  Caches decoded_, forwarded_;
};

TEST(Decoder, GivesTheBitsOfForward) {
  const at::NoGradGuard no_grad;
  const std::vector<Shape> shapes = {{.dtype = at::kFloat},
                                     {.dtype = at::kBFloat16},
                                     {at::kBFloat16, 4, 341, true, false},
                                     {at::kFloat, 1, 37, true, true},
                                     {at::kFloat, 2, 344, false, true, true},
                                     {.dtype = at::kBFloat16, .biases = true, .output_bias = false},
                                     {at::kBFloat16, 1, 344, true, false, true}};
  for (const Shape& shape : shapes) {
    const Llama model = MakeModel(shape);
    testing::ForEachCpuLevel([&] {
      for (const int64_t sequences : {1, 2, 7, 16}) {
        BothWays both(model, sequences);
        for (uint64_t step = 0; step < 3; ++step) both.ExpectSameStep(100 + step);
      }
    });
  }
}

/// Enough steps for the weights to be packed.
constexpr uint64_t kManySteps = 132;

TEST(Decoder, GivesThemWhenItsWeightsArePacked) {
  const at::NoGradGuard no_grad;
  for (const int64_t width : {344, 341}) {
    const Llama model = MakeModel({.dtype = at::kBFloat16, .width = width});
    if (!PackedModel::Suits(model)) GTEST_SKIP() << "the CPU lacks AVX-512-bf16";
    BothWays both(model, 9);
    for (uint64_t step = 0; step < kManySteps; ++step) {
      both.ExpectSameStep(step);
      EXPECT_EQ(both.packed(), step >= 128) << step;
    }
  }
}

TEST(Decoder, GivesThemOnAnyNumberOfThreads) {
  const at::NoGradGuard no_grad;
  const testing::KeepThreads keep_threads;
  for (const Shape& shape : {Shape{}, Shape{.dtype = at::kBFloat16, .width = 341}}) {
    const Llama model = MakeModel(shape);
    for (const int threads : {1, 3, 5}) {
      at::set_num_threads(threads);
      BothWays both(model, 3);
      for (uint64_t step = 0; step < kManySteps; ++step) both.ExpectSameStep(step);
    }
  }
}

TEST(Decoder, GoesOnWithPlainWeightsWhereThereIsNoMemoryToPackThem) {
  const at::NoGradGuard no_grad;
  const Llama model = MakeModel({.dtype = at::kBFloat16});
  if (!PackedModel::Suits(model)) GTEST_SKIP() << "the CPU lacks AVX-512-bf16";
  BothWays both(model, 1);
  int refused = 0;
  const testing::FailingAllocator allocator([&](size_t bytes) {
    const bool packs = bytes == static_cast<size_t>(PackedModel::Bytes(model));
    refused += packs;
    return packs;
  });
  for (uint64_t step = 0; step < kManySteps; ++step) both.ExpectSameStep(step);
  EXPECT_EQ(refused, 1);
  EXPECT_FALSE(both.packed());
}

TEST(Decoder, LeavesToForwardWhatItIsNotFor) {
  const Llama model = MakeModel({});
  const Decoder decoder(model);
  KvCache cache(model.config(), kContext, at::kFloat, at::kCPU);
  EXPECT_TRUE(decoder.Takes({{&cache, {1}}}));
  EXPECT_FALSE(decoder.Takes({}));
  EXPECT_FALSE(decoder.Takes({{&cache, {1, 2}}}));
  EXPECT_FALSE(decoder.Takes(std::vector<CacheAttender::Part>(17, {&cache, {1}})));
  Llama adapted = MakeModel({});
  LoraOptions lora;
  lora.rank = 2;
  lora.target_modules = {"q_proj"};
  adapted.AddLora(lora, 1, -1);
  EXPECT_FALSE(Decoder(adapted).Takes({{&cache, {1}}}));
}

}  // namespace
}  // namespace meap
