// A block a row; every thread has its columns, V neighbours at a time.
#include "nn/gpu_kernels.h"
#include "nn/gpu_support.cuh"

namespace meap {
namespace gpu {
namespace {

constexpr int kThreads = 256;
constexpr int64_t kSharedColumns = 12288;  // f32 sums that fit a block's 48 KiB of shared memory

template <class T, int V>
__global__ void RmsNormForwardKernel(RmsNormForward work) {
  const int64_t row = blockIdx.x, width = work.width;
  const T* x = static_cast<const T*>(work.x) + row * width;
  const T* delta = static_cast<const T*>(work.delta);
  const T* weight = static_cast<const T*>(work.weight);
  T* normed = static_cast<T*>(work.normed) + row * width;
  // Without delta the sum is x itself.
  T* sum = delta == nullptr ? nullptr : static_cast<T*>(work.sum) + row * width;
  float values[V], others[V], squares = 0;
  for (int64_t c = threadIdx.x * V; c < width; c += kThreads * V) {
    Load<T, V>(x + c, values);
    if (delta != nullptr) {
      Load<T, V>(delta + row * width + c, others);
#pragma unroll
      for (int i = 0; i < V; ++i) values[i] += others[i];
      Store<T, V>(values, sum + c);
      Load<T, V>(sum + c, values);  // as it was rounded: the backward pass sees no other
    }
#pragma unroll
    for (int i = 0; i < V; ++i) squares += values[i] * values[i];
  }
  const float scale = rsqrtf(BlockSum(squares) / static_cast<float>(width) + work.eps);
  if (threadIdx.x == 0) work.scale[row] = scale;
  const T* from = delta == nullptr ? x : sum;
  for (int64_t c = threadIdx.x * V; c < width; c += kThreads * V) {
    Load<T, V>(from + c, values);
    Load<T, V>(weight + c, others);
#pragma unroll
    for (int i = 0; i < V; ++i) values[i] *= scale * others[i];
    Store<T, V>(values, normed + c);
  }
}

/// Block b has rows b, b + gridDim.x, ... and sums their part of the weight's gradient.
template <class T, int V>
__global__ void RmsNormBackwardKernel(RmsNormBackward work, int64_t rows, float* parts) {
  extern __shared__ float shared[];
  const int64_t width = work.width;
  float* const part = parts + blockIdx.x * width;
  float* const sums = width <= kSharedColumns ? shared : part;
  for (int64_t c = threadIdx.x * V; c < width; c += kThreads * V) {
    for (int i = 0; i < V; ++i) sums[c + i] = 0;
  }
  const T* weight = static_cast<const T*>(work.weight);
  float x[V], grad[V], weights[V], other[V];
  for (int64_t row = blockIdx.x; row < rows; row += gridDim.x) {
    const T* x_row = static_cast<const T*>(work.x) + row * width;
    const T* grad_row = static_cast<const T*>(work.grad_normed) + row * width;
    const float scale = work.scale[row];
    float dot = 0;
    for (int64_t c = threadIdx.x * V; c < width; c += kThreads * V) {
      Load<T, V>(x_row + c, x);
      Load<T, V>(grad_row + c, grad);
      Load<T, V>(weight + c, weights);
#pragma unroll
      for (int i = 0; i < V; ++i) {
        dot += grad[i] * weights[i] * x[i];
        sums[c + i] += grad[i] * x[i] * scale;
      }
    }
    const float shrink = BlockSum(dot) * scale * scale * scale / static_cast<float>(width);
    for (int64_t c = threadIdx.x * V; c < width; c += kThreads * V) {
      Load<T, V>(x_row + c, x);
      Load<T, V>(grad_row + c, grad);
      Load<T, V>(weight + c, weights);
#pragma unroll
      for (int i = 0; i < V; ++i) grad[i] = grad[i] * weights[i] * scale - x[i] * shrink;
      if (work.grad_sum != nullptr) {
        Load<T, V>(static_cast<const T*>(work.grad_sum) + row * width + c, other);
#pragma unroll
        for (int i = 0; i < V; ++i) grad[i] += other[i];
      }
      Store<T, V>(grad, static_cast<T*>(work.grad_x) + row * width + c);
    }
  }
  if (sums == part) return;
  for (int64_t c = threadIdx.x * V; c < width; c += kThreads * V) {
    for (int i = 0; i < V; ++i) part[c + i] = sums[c + i];
  }
}

}  // namespace
}  // namespace gpu

void GpuRmsNormForward(const RmsNormForward& work, int64_t rows, GpuStream stream) {
  if (rows == 0) return;
  gpu::ForElement(work.element, [&]<class T>(T*) {
    constexpr int V = 16 / sizeof(T);
    const auto on = static_cast<cudaStream_t>(stream);
    const auto blocks = static_cast<unsigned>(rows);
    if (gpu::FitsVectors<T>(work.width, work.x, work.delta, work.weight, work.sum, work.normed)) {
      gpu::RmsNormForwardKernel<T, V><<<blocks, gpu::kThreads, 0, on>>>(work);
    } else {
      gpu::RmsNormForwardKernel<T, 1><<<blocks, gpu::kThreads, 0, on>>>(work);
    }
  });
  gpu::CheckLaunch("rms_norm");
}

void GpuRmsNormBackward(const RmsNormBackward& work, int64_t rows, float* grad_weight_parts,
                        GpuStream stream) {
  const size_t shared =
      work.width <= gpu::kSharedColumns ? static_cast<size_t>(work.width) * sizeof(float) : 0;
  gpu::ForElement(work.element, [&]<class T>(T*) {
    constexpr int V = 16 / sizeof(T);
    constexpr auto kBlocks = static_cast<unsigned>(kGpuRmsNormParts);
    const auto on = static_cast<cudaStream_t>(stream);
    if (gpu::FitsVectors<T>(work.width, work.x, work.weight, work.grad_normed, work.grad_sum,
                            work.grad_x)) {
      gpu::RmsNormBackwardKernel<T, V>
          <<<kBlocks, gpu::kThreads, shared, on>>>(work, rows, grad_weight_parts);
    } else {
      gpu::RmsNormBackwardKernel<T, 1>
          <<<kBlocks, gpu::kThreads, shared, on>>>(work, rows, grad_weight_parts);
    }
  });
  gpu::CheckLaunch("rms_norm backward");
}

}  // namespace meap
