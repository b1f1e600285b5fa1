// Micro-benchmarks of the operators: forward and backward, kernel against plain libtorch, on the
// shapes of bench/step.py. Built on demand (ninja nn_bench); --benchmark_filter=NAME picks some,
// MEAP_CPU=avx2 and so on an instruction set.
#include <ATen/ATen.h>
#include <benchmark/benchmark.h>
#include <torch/csrc/autograd/autograd.h>

#include <functional>

#include "nn/adamw.h"
#include "nn/attention.h"
#include "nn/linear.h"
#include "nn/linear_cross_entropy.h"
#include "nn/rms_norm.h"
#include "nn/rope.h"
#include "nn/swiglu.h"

namespace meap {
namespace {

using Tensors = std::vector<at::Tensor>;
using Operator = std::function<Tensors(const Tensors&)>;

struct Shape {
  const char* name;
  int64_t width, ffn, heads, kv_heads, vocabulary, length, batch;
  int64_t tokens() const { return length * batch; }
  int64_t head_dim() const { return width / heads; }
};

constexpr Shape kShapes[] = {{"s", 288, 768, 6, 6, 32000, 256, 8},
                             {"m", 512, 1376, 8, 2, 4096, 512, 8},
                             {"l", 768, 2048, 12, 2, 32064, 1024, 2}};

at::Tensor Random(at::IntArrayRef sizes, at::ScalarType dtype) {
  return at::randn(sizes).to(dtype).set_requires_grad(true);
}

/// One forward and backward pass an iteration.
void Train(benchmark::State& state, const Operator& op, const Tensors& inputs) {
  Tensors grads;
  for (const at::Tensor& result : op(inputs)) grads.push_back(at::randn_like(result));
  for (auto _ : state) {
    benchmark::DoNotOptimize(torch::autograd::grad(op(inputs), inputs, grads));
  }
}

struct Case {
  const char* name;
  Operator kernel;
  Operator reference;
  Tensors inputs;
};

std::vector<Case> Cases(const Shape& s, at::ScalarType dtype) {
  const Segments segments = Segments::Regular(s.batch, s.length);
  const RopeTable table = MakeRopeTable({}, s.head_dim(), s.length, at::kCPU);
  const at::Tensor positions = at::arange(s.length, at::kLong).repeat({s.batch});
  const at::Tensor targets = at::randint(s.vocabulary, {s.tokens()}, at::kLong);
  const double scale = 1.0 / static_cast<double>(s.tokens());
  const at::Tensor hidden = Random({s.tokens(), s.width}, dtype);
  const at::Tensor weight = Random({s.width}, dtype);
  const auto pair = [](std::pair<at::Tensor, at::Tensor> p) { return Tensors{p.first, p.second}; };
  const auto triple = [](const RotatedQkv& p) { return Tensors{p.q_NHd, p.k_NKd, p.v_NKd}; };
  return {
      {"AddRmsNorm",
       [=](const Tensors& in) { return pair(AddRmsNorm(in[0], in[1], in[2], 1e-5)); },
       [=](const Tensors& in) { return pair(reference::AddRmsNorm(in[0], in[1], in[2], 1e-5)); },
       {hidden, Random({s.tokens(), s.width}, dtype), weight}},
      {"RotateQkv",  // qkv rotates in place, on and on: harmless to the timing
       [=](const Tensors& in) {
         return triple(RotateQkv(in[0], s.heads, s.kv_heads, table, positions));
       },
       [=](const Tensors& in) {
         return triple(reference::RotateQkv(in[0], s.heads, s.kv_heads, table, positions));
       },
       {Random({s.tokens(), s.heads + 2 * s.kv_heads, s.head_dim()}, dtype)}},
      {"Linear",
       [](const Tensors& in) { return Tensors{Linear(in[0], in[1])}; },
       [](const Tensors& in) { return Tensors{at::linear(in[0], in[1])}; },
       {hidden, Random({2 * s.ffn, s.width}, dtype)}},
      {"SwiGlu",
       [](const Tensors& in) { return Tensors{SwiGlu(in[0])}; },
       [](const Tensors& in) { return Tensors{reference::SwiGlu(in[0])}; },
       {Random({s.tokens(), 2 * s.ffn}, dtype)}},
      {"SwiGluLinear",
       [](const Tensors& in) { return Tensors{SwiGluLinear(in[0], in[1])}; },
       [](const Tensors& in) { return Tensors{reference::SwiGluLinear(in[0], in[1])}; },
       {Random({s.tokens(), 2 * s.ffn}, dtype), Random({s.width, s.ffn}, dtype)}},
      {"PackedAttention",
       [=](const Tensors& in) { return Tensors{PackedAttention(in[0], in[1], in[2], segments)}; },
       [=](const Tensors& in) {
         return Tensors{reference::PackedAttention(in[0], in[1], in[2], segments)};
       },
       {Random({s.tokens(), s.heads, s.head_dim()}, dtype),
        Random({s.tokens(), s.kv_heads, s.head_dim()}, dtype),
        Random({s.tokens(), s.kv_heads, s.head_dim()}, dtype)}},
      {"LinearCrossEntropy",
       [=](const Tensors& in) {
         return Tensors{LinearCrossEntropy(in[0], in[1], targets, scale).loss};
       },
       [=](const Tensors& in) {
         return Tensors{reference::LinearCrossEntropy(in[0], in[1], targets, scale).loss};
       },
       {hidden, Random({s.vocabulary, s.width}, dtype)}},
  };
}

/// Ten million weights, with the copy in the gradient's dtype.
void UpdateWeights(benchmark::State& state, decltype(&AdamWUpdate) update, at::ScalarType dtype) {
  constexpr int64_t kCount = 10'000'000;
  const at::Tensor grad = at::randn({kCount}).to(dtype);
  const at::Tensor master = at::randn({kCount}), m = at::zeros({kCount}), v = at::zeros({kCount});
  const at::Tensor copy = dtype == at::kFloat ? at::Tensor() : at::empty({kCount}, dtype);
  for (auto _ : state) update({.lr = 1e-3}, 1, 1.0, grad, master, m, v, copy);
}

template <class F>
void Register(const std::string& name, F&& run) {
  benchmark::RegisterBenchmark(name.c_str(), std::forward<F>(run))
      ->UseRealTime()
      ->Unit(benchmark::kMillisecond);
}

void RegisterAll() {
  for (at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    const char* kind = dtype == at::kFloat ? "/f32" : "/bf16";
    for (const Shape& shape : kShapes) {
      for (const Case& c : Cases(shape, dtype)) {
        const std::string name = std::string(c.name).append("/").append(shape.name).append(kind);
        Register(std::string(name).append("/kernel"),
                 [c](benchmark::State& state) { Train(state, c.kernel, c.inputs); });
        Register(std::string(name).append("/reference"),
                 [c](benchmark::State& state) { Train(state, c.reference, c.inputs); });
      }
    }
    Register(std::string("AdamW/10M").append(kind).append("/kernel"),
             [=](benchmark::State& state) { UpdateWeights(state, AdamWUpdate, dtype); });
    Register(std::string("AdamW/10M").append(kind).append("/reference"),
             [=](benchmark::State& state) { UpdateWeights(state, reference::AdamWUpdate, dtype); });
  }
}

}  // namespace
}  // namespace meap

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  meap::RegisterAll();
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
