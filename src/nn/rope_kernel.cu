// A thread a pair of numbers: heads are turned in place where `from` and `to` are one memory.
#include "nn/gpu_kernels.h"
#include "nn/gpu_support.cuh"

namespace meap {
namespace gpu {
namespace {

constexpr int kThreads = 256;

template <class T>
__global__ void RotateKernel(Rotation work, int64_t tokens) {
  const int64_t half = work.head_dim / 2, pairs = work.heads * half;
  const int64_t step = static_cast<int64_t>(gridDim.x) * kThreads;
  for (int64_t i = blockIdx.x * int64_t{kThreads} + threadIdx.x; i < tokens * pairs; i += step) {
    const int64_t token = i / pairs, pair = i % pairs;
    const int64_t head = pair / half, k = pair % half;
    const int64_t angle = work.positions[token] * half + k;
    const float cosine = work.cos[angle];
    const float sine = work.inverse ? -work.sin[angle] : work.sin[angle];
    const int64_t place = head * work.head_dim + k;
    const T* from = static_cast<const T*>(work.from) + token * work.from_stride + place;
    T* to = static_cast<T*>(work.to) + token * work.to_stride + place;
    const float a = ToFloat(from[0]), b = ToFloat(from[half]);
    FromFloat(a * cosine - b * sine, to[0]);
    FromFloat(b * cosine + a * sine, to[half]);
  }
}

}  // namespace
}  // namespace gpu

void GpuRotate(const Rotation& work, int64_t tokens, GpuStream stream) {
  const int64_t pairs = tokens * work.heads * (work.head_dim / 2);
  if (pairs == 0) return;
  gpu::ForElement(work.element, [&]<class T>(T*) {
    gpu::RotateKernel<T><<<gpu::BlocksFor(pairs, gpu::kThreads), gpu::kThreads, 0,
                           static_cast<cudaStream_t>(stream)>>>(work, tokens);
  });
  gpu::CheckLaunch("rope");
}

}  // namespace meap
