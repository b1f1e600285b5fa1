// A block a row of logits: one pass for the maximum and the sum of exponentials (both at once, the
// sum corrected as the maximum grows), one for the gradient where the logits stood.
#include "nn/gpu_kernels.h"
#include "nn/gpu_support.cuh"

namespace meap {
namespace gpu {
namespace {

constexpr int kThreads = 1024;

/// A maximum and the sum of exponentials below it.
struct Normalizer {
  float top;
  float sum;
};

__device__ inline Normalizer Join(Normalizer a, Normalizer b) {
  const float top = fmaxf(a.top, b.top);
  if (top == -INFINITY) return {top, 0};
  return {top, a.sum * __expf(a.top - top) + b.sum * __expf(b.top - top)};
}

__device__ inline Normalizer BlockJoin(Normalizer mine) {
  const float top = BlockReduce(mine.top, -INFINITY, [](float a, float b) { return fmaxf(a, b); });
  const float sum = BlockSum(top == -INFINITY ? 0.0f : mine.sum * __expf(mine.top - top));
  return {top, sum};
}

template <class T, int V>
__global__ void SoftmaxLossKernel(SoftmaxLoss work) {
  const int64_t row = blockIdx.x, vocabulary = work.vocabulary, target = work.targets[row];
  T* logits = static_cast<T*>(work.logits) + row * vocabulary;
  float values[V];
  Normalizer mine{-INFINITY, 0};
  for (int64_t c = threadIdx.x * V; c < vocabulary; c += kThreads * V) {
    Load<T, V>(logits + c, values);
    float top = values[0];
#pragma unroll
    for (int i = 1; i < V; ++i) top = fmaxf(top, values[i]);
    float sum = 0;
#pragma unroll
    for (int i = 0; i < V; ++i) sum += __expf(values[i] - top);
    mine = Join(mine, {top, sum});
  }
  const Normalizer all = BlockJoin(mine);
  if (threadIdx.x == 0) work.nll[row] = all.top + logf(all.sum) - ToFloat(logits[target]);
  if (!work.wants_gradient) return;
  __syncthreads();  // the target's logit has been read
  const float scale = work.scale / all.sum;
  for (int64_t c = threadIdx.x * V; c < vocabulary; c += kThreads * V) {
    Load<T, V>(logits + c, values);
#pragma unroll
    for (int i = 0; i < V; ++i) {
      values[i] = __expf(values[i] - all.top) * scale - (c + i == target ? work.scale : 0);
    }
    Store<T, V>(values, logits + c);
  }
}

}  // namespace
}  // namespace gpu

void GpuSoftmaxLoss(const SoftmaxLoss& work, int64_t rows, GpuStream stream) {
  if (rows == 0) return;
  gpu::ForElement(work.element, [&]<class T>(T*) {
    constexpr int V = 16 / sizeof(T);
    const auto on = static_cast<cudaStream_t>(stream);
    const auto blocks = static_cast<unsigned>(rows);
    if (gpu::FitsVectors<T>(work.vocabulary, work.logits)) {
      gpu::SoftmaxLossKernel<T, V><<<blocks, gpu::kThreads, 0, on>>>(work);
    } else {
      gpu::SoftmaxLossKernel<T, 1><<<blocks, gpu::kThreads, 0, on>>>(work);
    }
  });
  gpu::CheckLaunch("softmax loss");
}

}  // namespace meap
