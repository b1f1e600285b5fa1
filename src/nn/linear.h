// Matrix products of a model: the affine layer, and the plain product it is made of.
// Shapes: N tokens, I inputs, O outputs.
#pragma once

#include <ATen/core/Tensor.h>

namespace meap {

/// x weight^T + bias; [N, O]. Differentiable in all three; `bias_O` may be undefined. Gradients of
/// what needs none are not computed.
at::Tensor Linear(const at::Tensor& x_NI, const at::Tensor& weight_OI,
                  const at::Tensor& bias_O = {});

/// x weight^T, f32 [N, O] and never rounded to a narrower dtype on the way: the logits of a head.
/// Without gradients on the CPU, every row of bf16 is the same bit for bit, whatever other rows
/// stand beside it.
at::Tensor WideLinear(const at::Tensor& x_NI, const at::Tensor& weight_OI);

/// x weight^T + bias by MatrixProduct; [N, O], not differentiable. `bias_O` may be undefined.
at::Tensor LinearProduct(const at::Tensor& x_NI, const at::Tensor& weight_OI,
                         const at::Tensor& bias_O);

/// a b, in the dtype of both; not differentiable.
at::Tensor MatrixProduct(const at::Tensor& a, const at::Tensor& b);

/// out = a b, or out += a b where `accumulate`; matrices of one dtype, any strides for a and b. On
/// the CPU in f32 by oneDNN where libtorch has it: MKL, which at::mm calls, leaves half of an AMD
/// CPU's AVX-512 unused.
void MatrixProduct(const at::Tensor& a, const at::Tensor& b, at::Tensor out,
                   bool accumulate = false);

}  // namespace meap
