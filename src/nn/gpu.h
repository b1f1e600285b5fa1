// How operators reach their GPU kernels, in builds that have them.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/DeviceGuard.h>

#include "nn/gpu_kernels.h"

namespace meap {

#ifdef MEAP_HAS_GPU_KERNELS
inline constexpr bool kHasGpuKernels = true;
#else
inline constexpr bool kHasGpuKernels = false;
#endif

/// The stream that libtorch computes on now, on the GPU of `x`.
GpuStream StreamOf(const at::Tensor& x);

/// `x` on `device`: itself where it is there, else a copy of a CPU tensor. To a GPU that goes
/// through pinned memory and nobody waits for it: what is put on the stream later finds it there.
at::Tensor SendTo(const at::Tensor& x, at::Device device);

/// Calls gpu(stream) for a tensor on a GPU, cpu() for one on the CPU.
template <class Gpu, class Cpu>
void OnDeviceOf(const at::Tensor& x, const Gpu& gpu, const Cpu& cpu) {
  if constexpr (kHasGpuKernels) {
    if (x.is_cuda()) {
      const c10::DeviceGuard current(x.device());  // a stream takes kernels for its own GPU only
      return gpu(StreamOf(x));
    }
  }
  cpu();
}

}  // namespace meap
