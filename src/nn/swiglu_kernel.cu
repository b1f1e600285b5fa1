// Element by element, V neighbours a thread.
#include "nn/gpu_kernels.h"
#include "nn/gpu_support.cuh"

namespace meap {
namespace gpu {
namespace {

constexpr int kThreads = 256;

template <class T, int V>
__global__ void SwiGluForwardKernel(int64_t width, const T* gate_up, T* out, int64_t rows) {
  const int64_t columns = width / V, step = static_cast<int64_t>(gridDim.x) * kThreads;
  for (int64_t i = blockIdx.x * int64_t{kThreads} + threadIdx.x; i < rows * columns; i += step) {
    const int64_t row = i / columns, c = i % columns * V;
    float gate[V], up[V];
    Load<T, V>(gate_up + row * 2 * width + c, gate);
    Load<T, V>(gate_up + row * 2 * width + width + c, up);
#pragma unroll
    for (int j = 0; j < V; ++j) up[j] *= gate[j] / (1 + __expf(-gate[j]));
    Store<T, V>(up, out + row * width + c);
  }
}

template <class T, int V>
__global__ void SwiGluBackwardKernel(int64_t width, const T* gate_up, const T* grad_out,
                                     T* grad_gate_up, T* out, int64_t rows) {
  const int64_t columns = width / V, step = static_cast<int64_t>(gridDim.x) * kThreads;
  for (int64_t i = blockIdx.x * int64_t{kThreads} + threadIdx.x; i < rows * columns; i += step) {
    const int64_t row = i / columns, c = i % columns * V;
    float gate[V], up[V], grad[V], hidden[V];
    Load<T, V>(gate_up + row * 2 * width + c, gate);
    Load<T, V>(gate_up + row * 2 * width + width + c, up);
    Load<T, V>(grad_out + row * width + c, grad);
#pragma unroll
    for (int j = 0; j < V; ++j) {
      const float sigmoid = 1 / (1 + __expf(-gate[j]));
      const float silu = gate[j] * sigmoid;
      hidden[j] = silu * up[j];
      gate[j] = grad[j] * up[j] * (sigmoid + silu * (1 - sigmoid));
      up[j] = grad[j] * silu;
    }
    Store<T, V>(gate, grad_gate_up + row * 2 * width + c);
    Store<T, V>(up, grad_gate_up + row * 2 * width + width + c);
    if (out != nullptr) Store<T, V>(hidden, out + row * width + c);
  }
}

}  // namespace
}  // namespace gpu

void GpuSwiGluForward(Element element, int64_t width, const void* gate_up, void* out, int64_t rows,
                      GpuStream stream) {
  if (rows * width == 0) return;
  gpu::ForElement(element, [&]<class T>(T*) {
    constexpr int V = 16 / sizeof(T);
    const auto on = static_cast<cudaStream_t>(stream);
    const auto launch = [&](auto kernel, int vector) {
      kernel<<<gpu::BlocksFor(rows * width / vector, gpu::kThreads), gpu::kThreads, 0, on>>>(
          width, static_cast<const T*>(gate_up), static_cast<T*>(out), rows);
    };
    if (gpu::FitsVectors<T>(width, gate_up, out)) {
      launch(gpu::SwiGluForwardKernel<T, V>, V);
    } else {
      launch(gpu::SwiGluForwardKernel<T, 1>, 1);
    }
  });
  gpu::CheckLaunch("swiglu");
}

void GpuSwiGluBackward(Element element, int64_t width, const void* gate_up, const void* grad_out,
                       void* grad_gate_up, void* out, int64_t rows, GpuStream stream) {
  if (rows * width == 0) return;
  gpu::ForElement(element, [&]<class T>(T*) {
    constexpr int V = 16 / sizeof(T);
    const auto on = static_cast<cudaStream_t>(stream);
    const auto launch = [&](auto kernel, int vector) {
      kernel<<<gpu::BlocksFor(rows * width / vector, gpu::kThreads), gpu::kThreads, 0, on>>>(
          width, static_cast<const T*>(gate_up), static_cast<const T*>(grad_out),
          static_cast<T*>(grad_gate_up), static_cast<T*>(out), rows);
    };
    if (gpu::FitsVectors<T>(width, gate_up, grad_out, grad_gate_up, out)) {
      launch(gpu::SwiGluBackwardKernel<T, V>, V);
    } else {
      launch(gpu::SwiGluBackwardKernel<T, 1>, 1);
    }
  });
  gpu::CheckLaunch("swiglu backward");
}

}  // namespace meap
