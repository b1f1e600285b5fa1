#include "nn/adamw.h"

#include "tests/nn/operator_support.h"

namespace meap {
namespace {

using testing::ExpectClose;
using testing::Normal;

struct State {
  at::Tensor master, m, v, copy;
};

State Start(int64_t count) {
  return {Normal({count}, at::kFloat, 1).detach(), Normal({count}, at::kFloat, 2).detach() * 0.1,
          Normal({count}, at::kFloat, 3).detach().square() * 0.1, at::Tensor()};
}

constexpr AdamWOptions kOptions{.lr = 1e-2, .weight_decay = 0.1};

TEST(AdamW, KernelEqualsReference) {
  for (int64_t count : {1, 15, 16, 1000, 200003}) {
    for (at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
      for (bool copies : {false, true}) {
        const at::Tensor grad = Normal({count}, dtype, 4).detach();
        State expected = Start(count);
        if (copies) expected.copy = at::empty({count}, dtype);
        reference::AdamWUpdate(kOptions, 3, 0.5, grad, expected.master, expected.m, expected.v,
                               expected.copy);
        testing::ForEachCpuLevel([&] {
          State got = Start(count);
          if (copies) got.copy = at::empty({count}, dtype);
          AdamWUpdate(kOptions, 3, 0.5, grad, got.master, got.m, got.v, got.copy);
          ExpectClose(got.master, expected.master, 1e-6, "weights");
          ExpectClose(got.m, expected.m, 1e-6, "m");
          ExpectClose(got.v, expected.v, 1e-6, "v");
          if (copies) {
            EXPECT_TRUE(at::equal(got.copy, got.master.to(dtype)));
          }
        });
      }
    }
  }
}

/// One step by hand: m = 0.1, v = 0.05, corrected both 1, so w = 2 (1 - lr decay) - lr.
TEST(AdamW, FirstStepByHand) {
  const at::Tensor w = at::full({3}, 2.0f);
  const at::Tensor m = at::zeros({3}), v = at::zeros({3});
  AdamWUpdate({.lr = 0.1, .weight_decay = 0.5}, 1, 1.0, at::ones({3}), w, m, v, at::Tensor());
  EXPECT_NEAR(w[1].item<double>(), 2 * 0.95 - 0.1, 1e-6);
}

TEST(GradNorm, KernelEqualsReferenceAndKeepsWhatIsNotFinite) {
  for (at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    const std::vector<at::Tensor> grads = {Normal({3, 5}, dtype, 1).detach(),
                                           Normal({200001}, dtype, 2).detach(),
                                           at::zeros({0}, dtype)};
    const double expected = reference::GradNorm(grads);
    testing::ForEachCpuLevel([&] { EXPECT_NEAR(GradNorm(grads), expected, 1e-4 * expected); });
  }
  EXPECT_TRUE(std::isnan(GradNorm({at::full({5}, std::nan(""))})));
  EXPECT_TRUE(std::isinf(GradNorm({at::full({5}, HUGE_VALF)})));
}

}  // namespace
}  // namespace meap
