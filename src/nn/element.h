// Element types of the kernels, which know no libtorch.
#pragma once

#include <cstdint>

namespace meap {

/// bfloat16 as it stands in memory; never computed with.
enum class Bf16 : uint16_t {};

/// Element type of a buffer given to a kernel.
enum class Element { kF32, kBf16 };

}  // namespace meap
