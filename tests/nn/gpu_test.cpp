// The GPU kernels against the plain references on the same GPU; without one, or in a build without
// the kernels, the tests say so and are skipped.
#include "nn/gpu.h"

#include "nn/adamw.h"
#include "nn/attention.h"
#include "nn/dispatch.h"
#include "nn/linear_cross_entropy.h"
#include "nn/rms_norm.h"
#include "nn/rope.h"
#include "nn/swiglu.h"
#include "tests/nn/operator_support.h"

namespace meap {
namespace {

using testing::ExpectClose;
using testing::ForwardBackward;
using testing::Normal;
using testing::Operator;
using testing::Tolerance;

class GpuTest : public ::testing::TestWithParam<at::ScalarType> {
 protected:
  void SetUp() override {
    if (!at::hasCUDA()) GTEST_SKIP() << "no GPU (or a CPU build of torch)";
    if (!kHasGpuKernels) GTEST_SKIP() << "a build without GPU kernels (MEAP_GPU)";
  }

  at::Tensor OnGpu(at::IntArrayRef sizes, int64_t seed) const {
    return Normal(sizes, GetParam(), seed).detach().to(at::kCUDA).set_requires_grad(true);
  }

  /// Results and gradients of both on the same inputs.
  void ExpectSame(const Operator& kernel, const Operator& plain,
                  const std::vector<at::Tensor>& inputs) const {
    ASSERT_TRUE(HasFusedKernel(inputs[0]));
    const std::vector<at::Tensor> got = ForwardBackward(kernel, inputs);
    const std::vector<at::Tensor> expected = ForwardBackward(plain, inputs);
    ASSERT_EQ(got.size(), expected.size());
    for (size_t i = 0; i < got.size(); ++i) {
      ExpectClose(got[i], expected[i], Tolerance(GetParam()), "part " + std::to_string(i));
    }
  }
};

INSTANTIATE_TEST_SUITE_P(Dtypes, GpuTest, ::testing::Values(at::kFloat, at::kBFloat16));

TEST_P(GpuTest, NormHeads) {
  const auto by_parts = [](const auto& in) {
    const auto parts = in[0].split_with_sizes({4, 2, 2}, 1);
    return std::vector<at::Tensor>{at::cat({reference::RmsNorm(parts[0], in[1], 1e-5),
                                            reference::RmsNorm(parts[1], in[2], 1e-5), parts[2]},
                                           1)};
  };
  ExpectSame([](const auto& in) { return std::vector{NormHeads(in[0], 4, in[1], in[2], 1e-5)}; },
             by_parts, {OnGpu({37, 8, 128}, 1), OnGpu({128}, 2), OnGpu({128}, 3)});
}

TEST_P(GpuTest, RmsNorm) {
  for (const int64_t width : {1, 7, 64, 1023, 2048, 16384}) {
    SCOPED_TRACE(width);
    ExpectSame(
        [](const auto& in) {
          const auto [sum, normed] = AddRmsNorm(in[0], in[1], in[2], 1e-5);
          return std::vector<at::Tensor>{sum, normed};
        },
        [](const auto& in) {
          const auto [sum, normed] = reference::AddRmsNorm(in[0], in[1], in[2], 1e-5);
          return std::vector<at::Tensor>{sum, normed};
        },
        {OnGpu({37, width}, 1), OnGpu({37, width}, 2), OnGpu({width}, 3)});
    ExpectSame([](const auto& in) { return std::vector{RmsNorm(in[0], in[1], 1e-5)}; },
               [](const auto& in) { return std::vector{reference::RmsNorm(in[0], in[1], 1e-5)}; },
               {OnGpu({37, width}, 4), OnGpu({width}, 5)});
  }
}

TEST_P(GpuTest, SwiGlu) {
  for (const int64_t width : {1, 5, 64, 1376}) {
    SCOPED_TRACE(width);
    ExpectSame([](const auto& in) { return std::vector{SwiGlu(in[0])}; },
               [](const auto& in) { return std::vector{reference::SwiGlu(in[0])}; },
               {OnGpu({19, 2 * width}, 1)});
    ExpectSame([](const auto& in) { return std::vector{SwiGluLinear(in[0], in[1])}; },
               [](const auto& in) { return std::vector{reference::SwiGluLinear(in[0], in[1])}; },
               {OnGpu({19, 2 * width}, 1), OnGpu({6, width}, 2)});
  }
}

/// As training calls it: in place.
TEST_P(GpuTest, RotateQkv) {
  constexpr int64_t kHeads = 4, kKvHeads = 2;
  const RopeTable table = MakeRopeTable({}, 64, 128, at::kCUDA);
  const at::Tensor positions =
      at::arange(33, at::TensorOptions().dtype(at::kLong).device(at::kCUDA)) * 3;
  const auto parts = [](const RotatedQkv& p) { return std::vector{p.q_NHd, p.k_NKd, p.v_NKd}; };
  ExpectSame(
      [&](const auto& in) {
        const at::Tensor qkv = in[0] * 1;  // used up by the call
        auto out = parts(RotateQkv(qkv, kHeads, kKvHeads, table, positions));
        EXPECT_TRUE(out[0].storage().is_alias_of(qkv.storage()));
        return out;
      },
      [&](const auto& in) {
        return parts(reference::RotateQkv(in[0], kHeads, kKvHeads, table, positions));
      },
      {OnGpu({33, kHeads + 2 * kKvHeads, 64}, 1)});
}

/// 50 targets, one of them without loss, on the CPU.
at::Tensor Targets() {
  at::Tensor targets = at::arange(50, at::kLong) * 7 % 1001;
  targets[3] = kIgnoreLabel;
  return targets;
}

TEST_P(GpuTest, LinearCrossEntropy) {
  const at::Tensor on_gpu = Targets().to(at::kCUDA);
  for (const at::Tensor& targets : {on_gpu, Targets()}) {
    ExpectSame(
        [&](const auto& in) {
          return std::vector{LinearCrossEntropy(in[0], in[1], targets, 1.0 / 49).loss};
        },
        [&](const auto& in) {
          return std::vector{reference::LinearCrossEntropy(in[0], in[1], on_gpu, 1.0 / 49).loss};
        },
        {OnGpu({50, 32}, 1), OnGpu({1001, 32}, 2)});
  }
}

TEST_P(GpuTest, FrozenHeadCrossEntropy) {
  constexpr int64_t kRow = 1000;
  const at::Tensor weight = OnGpu({1001, 32}, 2).detach(), on_gpu = Targets().to(at::kCUDA);
  ExpectSame(
      [&](const auto& in) {
        return std::vector{
            FrozenHeadCrossEntropy(in[0], weight, Targets(), 1.0 / 49, kRow, in[1]).loss};
      },
      [&](const auto& in) {
        const at::Tensor head = at::cat({weight.narrow(0, 0, kRow), in[1]});
        return std::vector{reference::LinearCrossEntropy(in[0], head, on_gpu, 1.0 / 49).loss};
      },
      {OnGpu({50, 32}, 1), weight.narrow(0, kRow, 1).clone().set_requires_grad(true)});
}

TEST_P(GpuTest, FlashAttentionOfPackedSequences) {
  if (GetParam() == at::kFloat) GTEST_SKIP() << "flash attention is for 16 bits";
  Segments segments{{0, 5, 6, 70, 128}};
  segments.gpu_offsets = at::tensor(segments.offsets, at::kInt).to(at::kCUDA);
  ExpectSame(
      [&](const auto& in) { return std::vector{PackedAttention(in[0], in[1], in[2], segments)}; },
      [&](const auto& in) {
        return std::vector{reference::PackedAttention(in[0], in[1], in[2], segments)};
      },
      {OnGpu({128, 8, 64}, 1), OnGpu({128, 2, 64}, 2), OnGpu({128, 2, 64}, 3)});
}

TEST_P(GpuTest, AdamWAndTheGradientsNorm) {
  const bool narrow = GetParam() != at::kFloat;
  const at::Tensor grad = OnGpu({1001, 13}, 1).detach();
  const auto run = [&](const auto& update) {
    const at::Tensor master = Normal({1001, 13}, at::kFloat, 2).detach().to(at::kCUDA);
    const at::Tensor m = at::zeros_like(master), v = at::zeros_like(master);
    const at::Tensor copy = narrow ? master.to(GetParam()) : at::Tensor();
    for (int64_t step = 1; step <= 3; ++step) {
      update(AdamWOptions{.lr = 0.01, .weight_decay = 0.1}, step, 0.5, grad, master, m, v, copy);
    }
    return narrow ? std::vector{master, m, v, copy} : std::vector{master, m, v};
  };
  const auto got = run([](auto&&... all) { AdamWUpdate(all...); });
  const auto expected = run([](auto&&... all) { reference::AdamWUpdate(all...); });
  for (size_t i = 0; i < got.size(); ++i) {
    ExpectClose(got[i], expected[i], Tolerance(got[i].scalar_type()), std::to_string(i));
  }
  EXPECT_NEAR(GradNorm({grad, grad}) / reference::GradNorm({grad, grad}), 1, 1e-5);
  EXPECT_EQ(GradNorm({grad, grad}), GradNorm({grad, grad}));
}

}  // namespace
}  // namespace meap
