// The update is element by element: memory is all it costs, and each number is touched once.
#include "nn/gpu_kernels.h"
#include "nn/gpu_support.cuh"

namespace meap {
namespace gpu {
namespace {

constexpr int kThreads = 256;

template <class Grad, class Copy>
__global__ void AdamWKernel(AdamWStep work, int64_t count) {
  const Grad* grads = static_cast<const Grad*>(work.grad);
  Copy* copy = static_cast<Copy*>(work.copy);
  const int64_t step = static_cast<int64_t>(gridDim.x) * kThreads;
  for (int64_t i = blockIdx.x * int64_t{kThreads} + threadIdx.x; i < count; i += step) {
    const float grad = ToFloat(grads[i]) * work.grad_scale;
    const float m = work.beta1 * work.m[i] + (1 - work.beta1) * grad;
    const float v = work.beta2 * work.v[i] + (1 - work.beta2) * grad * grad;
    const float weight =
        work.master[i] * work.keep - work.step_size * m / (sqrtf(v) * work.root + work.eps);
    work.m[i] = m;
    work.v[i] = v;
    work.master[i] = weight;
    if (copy != nullptr) FromFloat(weight, copy[i]);
  }
}

/// Block b has elements b kThreads + thread, and so on by the whole grid.
template <class T>
__global__ void SumOfSquaresKernel(const T* x, int64_t count, double* parts) {
  double sum = 0;
  const int64_t step = static_cast<int64_t>(gridDim.x) * kThreads;
  for (int64_t i = blockIdx.x * int64_t{kThreads} + threadIdx.x; i < count; i += step) {
    const float value = ToFloat(x[i]);
    sum += static_cast<double>(value) * value;
  }
  sum = BlockSum(sum);
  if (threadIdx.x == 0) parts[blockIdx.x] = sum;
}

}  // namespace
}  // namespace gpu

void GpuAdamW(const AdamWStep& work, int64_t count, GpuStream stream) {
  if (count == 0) return;
  const unsigned blocks = gpu::BlocksFor(count, gpu::kThreads);
  const auto on = static_cast<cudaStream_t>(stream);
  gpu::ForElement(work.grad_element, [&]<class Grad>(Grad*) {
    gpu::ForElement(work.copy_element, [&]<class Copy>(Copy*) {
      gpu::AdamWKernel<Grad, Copy><<<blocks, gpu::kThreads, 0, on>>>(work, count);
    });
  });
  gpu::CheckLaunch("adamw");
}

void GpuSumOfSquares(Element element, const void* x, int64_t count, double* parts,
                     GpuStream stream) {
  gpu::ForElement(element, [&]<class T>(T*) {
    gpu::SumOfSquaresKernel<T>
        <<<static_cast<unsigned>(kGpuNormParts), gpu::kThreads, 0,
           static_cast<cudaStream_t>(stream)>>>(static_cast<const T*>(x), count, parts);
  });
  gpu::CheckLaunch("sum of squares");
}

}  // namespace meap
