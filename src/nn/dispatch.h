// How operators choose between their CPU kernel and their plain libtorch reference.
#pragma once

#include <ATen/core/Tensor.h>

#include "nn/cpu.h"
#include "nn/element.h"

namespace meap {

/// Whether the CPU kernels take tensors like `x`: on the CPU, f32 or bf16, and the CPU has AVX2.
inline bool HasKernel(const at::Tensor& x) {
  return x.is_cpu() && (x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16) &&
         GetCpuLevel() >= CpuLevel::kAvx2;
}

/// Element type of a tensor that HasKernel.
inline Element ElementOf(const at::Tensor& x) {
  return x.scalar_type() == at::kFloat ? Element::kF32 : Element::kBf16;
}

}  // namespace meap
