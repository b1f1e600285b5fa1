// What the operators' tests share: every instruction set this CPU has, inputs, comparisons.
#pragma once

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <functional>
#include <string>
#include <vector>

#include "nn/cpu.h"

namespace meap::testing {

/// Runs `check` with the kernels of each level from AVX2 up that this CPU has.
inline void ForEachCpuLevel(const std::function<void()>& check) {
  const CpuLevel before = GetCpuLevel();
  for (int level = static_cast<int>(CpuLevel::kAvx2); level <= static_cast<int>(HighestCpuLevel());
       ++level) {
    SetCpuLevel(static_cast<CpuLevel>(level));
    SCOPED_TRACE(CpuLevelName(GetCpuLevel()));
    check();
  }
  SetCpuLevel(before);
}

/// Gives libtorch its number of threads back at the end of a test, however that comes.
class KeepThreads {
 public:
  ~KeepThreads() { at::set_num_threads(before_); }

 private:
  int before_ = at::get_num_threads();
};

/// Standard normal numbers, the same ones for the same seed, as leaf that wants a gradient.
inline at::Tensor Normal(at::IntArrayRef sizes, at::ScalarType dtype, int64_t seed) {
  at::Generator generator = at::detail::createCPUGenerator(seed);
  return at::randn(sizes, generator, at::kFloat).to(dtype).set_requires_grad(true);
}

/// |a - b| at most `tolerance` times the largest number of b (at least 1), everywhere.
inline void ExpectClose(const at::Tensor& a, const at::Tensor& b, double tolerance,
                        const std::string& what) {
  ASSERT_EQ(a.sizes(), b.sizes()) << what;
  ASSERT_EQ(a.scalar_type(), b.scalar_type()) << what;
  if (b.numel() == 0) return;
  const at::Tensor wide = b.detach().to(at::kDouble);
  const double scale = std::max(1.0, wide.abs().max().item<double>());
  const double worst = (a.detach().to(at::kDouble) - wide).abs().max().item<double>();
  EXPECT_LE(worst, tolerance * scale) << what;
}

/// What an operator's kernel may differ from its reference in a dtype, relative to the largest
/// number: a few roundings.
inline double Tolerance(at::ScalarType dtype) { return dtype == at::kFloat ? 2e-5 : 3e-2; }

using Operator = std::function<std::vector<at::Tensor>(const std::vector<at::Tensor>&)>;

/// Results of `op` and the gradients of its inputs for a fixed random gradient of each result.
inline std::vector<at::Tensor> ForwardBackward(const Operator& op,
                                               const std::vector<at::Tensor>& inputs) {
  std::vector<at::Tensor> results = op(inputs);
  std::vector<at::Tensor> grads;
  for (size_t i = 0; i < results.size(); ++i) {
    const at::Tensor grad = Normal(results[i].sizes(), results[i].scalar_type(), 1000 + i);
    grads.push_back(grad.detach().to(results[i].device()));
  }
  for (at::Tensor& grad : torch::autograd::grad(results, inputs, grads)) {
    results.push_back(std::move(grad));
  }
  return results;
}

/// Results and gradients of `kernel` equal those of `oracle`, at every CPU level.
inline void ExpectParity(const Operator& kernel, const Operator& oracle,
                         const std::vector<at::Tensor>& inputs, double tolerance) {
  const std::vector<at::Tensor> expected = ForwardBackward(oracle, inputs);
  ForEachCpuLevel([&] {
    const std::vector<at::Tensor> got = ForwardBackward(kernel, inputs);
    for (size_t i = 0; i < got.size(); ++i) {
      ExpectClose(got[i], expected[i], tolerance, "output or gradient " + std::to_string(i));
    }
  });
}

/// Gradients of `op` in f64 against differences of its results: the reference's own oracle.
inline void ExpectGradientsMatchDifferences(const Operator& op,
                                            const std::vector<at::Tensor>& inputs) {
  const std::vector<at::Tensor> all = ForwardBackward(op, inputs);
  const size_t results = all.size() - inputs.size();
  const auto value = [&] {
    at::NoGradGuard guard;
    const std::vector<at::Tensor> out = op(inputs);
    double sum = 0;
    for (size_t i = 0; i < results; ++i) {
      sum += (out[i] * Normal(out[i].sizes(), out[i].scalar_type(), 1000 + i)).sum().item<double>();
    }
    return sum;
  };
  constexpr double kStep = 1e-5;
  for (size_t input = 0; input < inputs.size(); ++input) {
    at::Tensor flat = inputs[input].detach().view(-1);
    const at::Tensor grad = all[results + input].reshape(-1);
    for (int64_t i = 0; i < flat.size(0); i += 1 + flat.size(0) / 23) {  // a sample of them
      const double before = flat[i].item<double>();
      flat[i] = before + kStep;
      const double above = value();
      flat[i] = before - kStep;
      const double below = value();
      flat[i] = before;
      EXPECT_NEAR(grad[i].item<double>(), (above - below) / (2 * kStep), 1e-6)
          << "input " << input << ", element " << i;
    }
  }
}

}  // namespace meap::testing
