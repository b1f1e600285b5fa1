// The operators' GPU kernels on raw device memory: the same work as the CPU kernels' structs say,
// put on a stream. Built by nvcc from the *_kernel.cu files beside this one; neither these nor this
// header know libtorch. A launch that fails throws std::runtime_error with CUDA's reason.
#pragma once

#include <cstdint>

#include "nn/adamw_kernel.h"
#include "nn/element.h"
#include "nn/linear_cross_entropy_kernel.h"
#include "nn/rms_norm_kernel.h"
#include "nn/rope_kernel.h"

namespace meap {

/// A cudaStream_t, without its header.
using GpuStream = void*;

/// All of the call's `rows`.
void GpuRmsNormForward(const RmsNormForward& work, int64_t rows, GpuStream stream);

/// The same backwards; the weight's gradient is the sum over the first dimension of
/// grad_weight_parts, f32 [kGpuRmsNormParts, D], which is written whole. Its order of summation is
/// fixed: the same bits every time.
inline constexpr int64_t kGpuRmsNormParts = 264;  // two blocks for each multiprocessor of an H100
void GpuRmsNormBackward(const RmsNormBackward& work, int64_t rows, float* grad_weight_parts,
                        GpuStream stream);

void GpuRotate(const Rotation& work, int64_t tokens, GpuStream stream);

void GpuSwiGluForward(Element element, int64_t width, const void* gate_up, void* out, int64_t rows,
                      GpuStream stream);
void GpuSwiGluBackward(Element element, int64_t width, const void* gate_up, const void* grad_out,
                       void* grad_gate_up, void* out, int64_t rows, GpuStream stream);

void GpuSoftmaxLoss(const SoftmaxLoss& work, int64_t rows, GpuStream stream);

void GpuAdamW(const AdamWStep& work, int64_t count, GpuStream stream);

/// Sums of squares of a tensor's kGpuNormParts interleaved parts, f64 on the device; their sum in
/// order is that of the tensor.
inline constexpr int64_t kGpuNormParts = 256;
void GpuSumOfSquares(Element element, const void* x, int64_t count, double* parts,
                     GpuStream stream);

}  // namespace meap
