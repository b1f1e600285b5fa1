// Recomputing activations changes what is held, and nothing else.
#include <ATen/ATen.h>
#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>

#include "model/llama.h"
#include "model/presets.h"
#include "nn/linear_cross_entropy.h"
#include "tests/support.h"

namespace meap {
namespace {

/// The most bytes of tensors that were held at once.
class PeakMeter : public c10::MemoryReportingInfoBase {
 public:
  void reportMemoryUsage(void*, int64_t bytes, size_t, size_t, c10::Device) override {
    held_ += bytes;
    peak_ = std::max(peak_, held_);
  }
  bool memoryProfilingEnabled() const override { return true; }
  int64_t peak() const { return peak_; }

 private:
  int64_t held_ = 0;
  int64_t peak_ = 0;
};

struct StepResult {
  at::Tensor loss;
  std::vector<at::Tensor> grads;
  int64_t peak_bytes = 0;
};

/// One forward and backward pass of a model of six narrow blocks.
StepResult Step(Recomputed recomputed, at::ScalarType dtype, bool only_norms_train = false) {
  ModelOptions options;
  options.preset = "tiny";
  options.num_hidden_layers = 6;
  LlamaConfig config = ConfigFromOptions(options, 50, 256);
  config.qk_norm = true;
  Llama model(config, dtype, at::kCPU);
  model.Initialize(1);
  model.SetRecomputed(recomputed);
  for (const Parameter& parameter : model.parameters()) {
    parameter.tensor.requires_grad_(!only_norms_train || parameter.name.ends_with("norm"));
  }
  const at::Tensor tokens = at::arange(512, at::kLong).remainder(50);
  const auto meter = std::make_shared<PeakMeter>();
  StepResult result;
  {
    const c10::DebugInfoGuard guard(c10::DebugInfoKind::PROFILER_STATE, meter);
    PackedAttender attender(Segments{{0, 200, 256, 512}});
    const at::Tensor hidden =
        model.Forward(tokens, at::arange(512, at::kLong).remainder(256), attender);
    result.loss = LinearCrossEntropy(hidden, model.head(), tokens.roll(-1), 1.0 / 512).loss;
    result.loss.backward();
  }
  result.peak_bytes = meter->peak();
  for (const Parameter& parameter : model.parameters()) {
    result.grads.push_back(parameter.tensor.grad());
  }
  return result;
}

void ExpectSameBits(const StepResult& a, const StepResult& b) {
  EXPECT_TRUE(at::equal(a.loss, b.loss));
  ASSERT_EQ(a.grads.size(), b.grads.size());
  for (size_t i = 0; i < a.grads.size(); ++i) {
    ASSERT_EQ(a.grads[i].defined(), b.grads[i].defined()) << i;
    if (!a.grads[i].defined()) continue;
    EXPECT_TRUE(at::equal(a.grads[i], b.grads[i])) << i;
  }
}

TEST(Recompute, SameLossAndGradientsToTheBit) {
  for (at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    const StepResult kept = Step(Recomputed::kNone, dtype);
    ExpectSameBits(Step(Recomputed::kMlp, dtype), kept);
    ExpectSameBits(Step(Recomputed::kBlock, dtype), kept);
  }
}

TEST(Recompute, TrainsWeightsBehindFrozenInputs) {
  const StepResult kept = Step(Recomputed::kNone, at::kFloat, /*only_norms_train=*/true);
  ExpectSameBits(Step(Recomputed::kMlp, at::kFloat, true), kept);
  ExpectSameBits(Step(Recomputed::kBlock, at::kFloat, true), kept);
}

TEST(Recompute, EachLevelHoldsLess) {
  const auto peak = [](Recomputed level) { return Step(level, at::kFloat).peak_bytes; };
  const int64_t none = peak(Recomputed::kNone), mlp = peak(Recomputed::kMlp),
                block = peak(Recomputed::kBlock);
  EXPECT_LT(mlp, none * 3 / 4) << none;
  EXPECT_LT(block, mlp * 3 / 4) << mlp;
}

}  // namespace
}  // namespace meap
