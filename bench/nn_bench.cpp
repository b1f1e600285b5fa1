// Micro-benchmarks of the operators, kernel against plain libtorch, on the shapes of bench/step.py:
// forward and backward, and for decoding a token each of B sequences forward. Built on demand
// (ninja nn_bench); --benchmark_filter=NAME picks some, MEAP_CPU=avx2 and so on an instruction set.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <benchmark/benchmark.h>
#include <torch/csrc/autograd/autograd.h>

#include <functional>

#include "nn/adamw.h"
#include "nn/attention.h"
#include "nn/cached_attention.h"
#include "nn/linear.h"
#include "nn/linear_cross_entropy.h"
#include "nn/rms_norm.h"
#include "nn/rope.h"
#include "nn/skinny_linear.h"
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

/// One forward pass an iteration.
void Decode(benchmark::State& state, const Operator& op, const Tensors& inputs) {
  const at::NoGradGuard no_grad;
  for (auto _ : state) benchmark::DoNotOptimize(op(inputs));
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

/// B sequences of T tokens in the cache, one new token each.
std::vector<Case> DecodeCases(const Shape& s, at::ScalarType dtype) {
  std::vector<CachedSequence> sequences;
  for (int64_t i = 0; i < s.batch; ++i) {
    sequences.push_back({.k_CKd = Random({s.length, s.kv_heads, s.head_dim()}, dtype).detach(),
                         .v_CKd = Random({s.length, s.kv_heads, s.head_dim()}, dtype).detach(),
                         .length = s.length});
  }
  return {
      {"SkinnyLinear",
       [](const Tensors& in) { return Tensors{SkinnyLinear(in[0], in[1])}; },
       [](const Tensors& in) { return Tensors{at::linear(in[0], in[1])}; },
       {Random({s.batch, s.width}, dtype), Random({2 * s.ffn, s.width}, dtype)}},
      {"CachedAttention",
       [=](const Tensors& in) { return Tensors{CachedAttention(in[0], sequences)}; },
       [=](const Tensors& in) { return Tensors{reference::CachedAttention(in[0], sequences)}; },
       {Random({s.batch, s.heads, s.head_dim()}, dtype)}},
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

/// The same ten million, as the gradient whose norm is taken.
void TakeNorm(benchmark::State& state, decltype(&GradNorm) norm, at::ScalarType dtype) {
  const Tensors grads = {at::randn({10'000'000}).to(dtype)};
  for (auto _ : state) benchmark::DoNotOptimize(norm(grads));
}

using Run = void (*)(benchmark::State&, const Operator&, const Tensors&);

void RegisterCases(const std::vector<Case>& cases, Run run, const std::string& where) {
  for (const Case& c : cases) {
    const std::string name = std::string(c.name).append(where);
    Register(name + "/kernel", [=](benchmark::State& state) { run(state, c.kernel, c.inputs); });
    Register(name + "/reference",
             [=](benchmark::State& state) { run(state, c.reference, c.inputs); });
  }
}

void RegisterAll() {
  for (at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    const std::string kind = dtype == at::kFloat ? "/f32" : "/bf16";
    for (const Shape& shape : kShapes) {
      const std::string where = std::string("/").append(shape.name).append(kind);
      RegisterCases(Cases(shape, dtype), Train, where);
      RegisterCases(DecodeCases(shape, dtype), Decode, where);
    }
    Register("AdamW/10M" + kind + "/kernel",
             [=](benchmark::State& state) { UpdateWeights(state, AdamWUpdate, dtype); });
    Register("AdamW/10M" + kind + "/reference",
             [=](benchmark::State& state) { UpdateWeights(state, reference::AdamWUpdate, dtype); });
    Register("GradNorm/10M" + kind + "/kernel",
             [=](benchmark::State& state) { TakeNorm(state, GradNorm, dtype); });
    Register("GradNorm/10M" + kind + "/reference",
             [=](benchmark::State& state) { TakeNorm(state, reference::GradNorm, dtype); });
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
