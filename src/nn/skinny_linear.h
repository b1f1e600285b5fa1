// The affine layer for a few tokens: decoding. Shapes: N tokens, I inputs, O outputs.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace meap {

/// More are bound by arithmetic, which oneDNN does better.
inline constexpr int64_t kSkinnyTokens = 16;

/// Whether SkinnyLinear is the quicker form for x_NI: few tokens, no gradient wanted, and the CPU
/// kernels take it.
bool IsSkinny(const at::Tensor& x_NI);

/// x weight^T + bias; [N, O] of x's dtype, or f32 where `wide` (what a head's logits need).
/// `bias_O` may be undefined. For any number of tokens that the CPU kernels take. No gradient.
/// Every token's result is the same bit for bit, whatever other tokens stand beside it, and each
/// weight is read from memory once.
at::Tensor SkinnyLinear(const at::Tensor& x_NI, const at::Tensor& weight_OI,
                        const at::Tensor& bias_O = {}, bool wide = false);

}  // namespace meap
