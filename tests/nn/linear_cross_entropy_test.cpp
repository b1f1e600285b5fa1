#include "nn/linear_cross_entropy.h"

#include "tests/nn/operator_support.h"

namespace meap {
namespace {

using testing::ExpectClose;
using testing::Normal;
using Tensors = std::vector<at::Tensor>;

/// Targets of which every `skip`-th has no loss (0: all have).
at::Tensor Targets(int64_t tokens, int64_t vocabulary, int64_t skip) {
  at::Tensor targets = (at::arange(tokens, at::kLong) * 7 + 3).remainder(vocabulary);
  for (int64_t i = 0; skip > 0 && i < tokens; i += skip) targets[i] = kIgnoreLabel;
  return targets;
}

testing::Operator Loss(bool fused, const at::Tensor& targets, double scale) {
  return [=](const Tensors& in) -> Tensors {
    const auto loss = fused ? LinearCrossEntropy : reference::LinearCrossEntropy;
    return {loss(in[0], in[1], targets, scale).loss};
  };
}

TEST(LinearCrossEntropy, ReferenceGradientsMatchDifferences) {
  testing::ExpectGradientsMatchDifferences(
      Loss(false, Targets(7, 11, 3), 0.25),
      {Normal({7, 4}, at::kDouble, 1), Normal({11, 4}, at::kDouble, 2)});
}

TEST(LinearCrossEntropy, FusedEqualsReference) {
  struct Shape {
    int64_t tokens, width, vocabulary, skip;
  };
  for (const Shape& s : {Shape{1, 3, 5, 0}, Shape{1, 3, 5, 1}, Shape{9, 16, 16, 1},
                         Shape{9, 16, 16, 2}, Shape{40, 33, 1001, 0}, Shape{40, 33, 1001, 5}}) {
    for (at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
      SCOPED_TRACE(std::to_string(s.tokens) + " tokens, vocabulary " +
                   std::to_string(s.vocabulary));
      const at::Tensor targets = Targets(s.tokens, s.vocabulary, s.skip);
      testing::ExpectParity(
          Loss(true, targets, 0.5), Loss(false, targets, 0.5),
          {Normal({s.tokens, s.width}, dtype, 1), Normal({s.vocabulary, s.width}, dtype, 2)},
          testing::Tolerance(dtype));
    }
  }
}

/// A vocabulary so large that 100 tokens make several blocks. The gradient of the hidden states
/// sums 700001 terms that all but cancel, in f32 no better than this in either form.
TEST(LinearCrossEntropy, SeveralBlocksEqualReference) {
  const at::Tensor targets = Targets(100, 700001, 0);
  for (at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    const double fine = testing::Tolerance(dtype);
    const Tensors in = {Normal({100, 2}, dtype, 1), Normal({700001, 2}, dtype, 2)};
    const Tensors expected = testing::ForwardBackward(Loss(false, targets, 0.1), in);
    const Tensors got = testing::ForwardBackward(Loss(true, targets, 0.1), in);
    ExpectClose(got[0], expected[0], fine, "loss");
    ExpectClose(got[1], expected[1], std::max(fine, 5e-3), "gradient of hidden states");
    ExpectClose(got[2], expected[2], fine, "gradient of the head");
  }
}

TEST(LinearCrossEntropy, LossOfEachPosition) {
  const at::Tensor targets = Targets(20, 50, 4);
  const at::Tensor hidden = Normal({20, 8}, at::kFloat, 1);
  const at::Tensor weight = Normal({50, 8}, at::kFloat, 2);
  const at::Tensor nll = LinearCrossEntropy(hidden, weight, targets, 1.0).nll_N;
  ExpectClose(nll, reference::LinearCrossEntropy(hidden, weight, targets, 1.0).nll_N, 1e-5, "nll");
  EXPECT_EQ(nll[4].item<float>(), 0.0f);
  EXPECT_FALSE(nll.requires_grad());
}

TEST(LinearCrossEntropy, NotANumberReachesTheLoss) {
  at::Tensor hidden = Normal({4, 8}, at::kFloat, 1).detach();
  hidden[2][1] = std::nan("");
  const at::Tensor weight = Normal({50, 8}, at::kFloat, 2);
  testing::ForEachCpuLevel([&] {
    const auto result = LinearCrossEntropy(hidden, weight, Targets(4, 50, 0), 1.0);
    EXPECT_TRUE(std::isnan(result.loss.item<float>()));
    EXPECT_FALSE(std::isnan(result.nll_N[1].item<float>()));
  });
}

TEST(LinearCrossEntropy, TargetBeyondTheVocabularyIsRefused) {
  EXPECT_THROW(LinearCrossEntropy(Normal({1, 8}, at::kFloat, 1), Normal({50, 8}, at::kFloat, 2),
                                  at::full({1}, 50, at::kLong), 1.0),
               std::logic_error);
}

struct FrozenShape {
  int64_t tokens, width, vocabulary;
  double hidden_tolerance;  // of bf16's sums over a vocabulary
};

class FrozenHeadCrossEntropyTest : public ::testing::TestWithParam<FrozenShape> {};

TEST_P(FrozenHeadCrossEntropyTest, HasTheGradientsOfTheWholeButOneRowOfTheHead) {
  const FrozenShape s = GetParam();
  const at::Tensor targets = Targets(s.tokens, s.vocabulary, 3);
  const int64_t last = s.vocabulary - 1;
  for (at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    const Tensors in = {Normal({s.tokens, s.width}, dtype, 1),
                        Normal({s.vocabulary, s.width}, dtype, 2)};
    const Tensors whole = testing::ForwardBackward(Loss(true, targets, 0.5), in);
    const testing::Operator frozen = [&](const Tensors& trained) -> Tensors {
      return {FrozenHeadCrossEntropy(trained[0], in[1], targets, 0.5, last, trained[1]).loss};
    };
    const at::Tensor row = in[1].detach().narrow(0, last, 1).requires_grad_(true);
    const Tensors got = testing::ForwardBackward(frozen, {in[0], row});
    const double fine = testing::Tolerance(dtype);
    ExpectClose(got[0], whole[0], fine, "loss");
    ExpectClose(got[1], whole[1], std::max(fine, s.hidden_tolerance), "gradient of hidden states");
    ExpectClose(got[2], whole[2].narrow(0, last, 1), fine, "gradient of the row");
  }
}

// The second needs several blocks of logits.
INSTANTIATE_TEST_SUITE_P(Blocks, FrozenHeadCrossEntropyTest,
                         ::testing::Values(FrozenShape{40, 33, 101, 0},
                                           FrozenShape{100, 2, 700001, 5e-3}));

}  // namespace
}  // namespace meap
