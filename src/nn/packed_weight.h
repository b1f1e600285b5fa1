// bf16 matrices in 12 bits a number, without loss. Decoding takes as long as its weights take from
// memory, and of bf16's 16 bits the 8 of the exponent hardly vary within a row: sign and mantissa
// are kept as they are, the exponent as 4 bits below the row's largest.
// Shapes: I inputs, O outputs.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "nn/skinny_linear_kernel.h"

namespace meap {

class PackedWeight {
 public:
  /// Whether the kernels of this CPU read packed weights of this dtype.
  static bool Suits(const at::Tensor& weight_OI);
  /// Bytes that a packed weight takes at most, beside the weight itself.
  static int64_t Bytes(const at::Tensor& weight_OI);

  /// Packs weight_OI on all threads into `room`, uint8 [Bytes(weight_OI)]. The weight must stay:
  /// where a number is more than 14 powers of two below its row's largest (some 2 in 10,000 of
  /// normal ones), 4 x 32 of them are read from there.
  PackedWeight(const at::Tensor& weight_OI, const at::Tensor& room);

  /// Nothing where too much would be read from the weight for packing to pay.
  PackedTiles tiles() const;

 private:
  PackedWeight() = default;

  at::Tensor data_;
  at::Tensor largest_;
  std::vector<int32_t> first_wide_;
  std::vector<int32_t> wide_;
};

}  // namespace meap
