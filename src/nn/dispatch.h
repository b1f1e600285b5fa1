// How operators choose between their kernels and their plain libtorch reference.
#pragma once

#include <ATen/core/Tensor.h>

#include "nn/cpu.h"
#include "nn/element.h"
#include "nn/gpu.h"

namespace meap {

/// Whether the CPU kernels take tensors like `x`: on the CPU, f32 or bf16, and the CPU has AVX2.
inline bool HasKernel(const at::Tensor& x) {
  return x.is_cpu() && (x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16) &&
         GetCpuLevel() >= CpuLevel::kAvx2;
}

/// The same for the CPU's kernels and, in builds that have them, the GPU's.
inline bool HasFusedKernel(const at::Tensor& x) {
  if constexpr (kHasGpuKernels) {
    if (x.is_cuda()) return x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16;
  }
  return HasKernel(x);
}

/// Element type of a tensor that HasFusedKernel.
inline Element ElementOf(const at::Tensor& x) {
  return x.scalar_type() == at::kFloat ? Element::kF32 : Element::kBf16;
}

}  // namespace meap
