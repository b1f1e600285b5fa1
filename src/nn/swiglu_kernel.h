// The CPU kernels of swiglu.h on raw memory, rows [begin, end) of a call.
#pragma once

#include <cstdint>

#include "nn/element.h"

namespace meap {

/// out [N, F] = silu(gate) * up of gate_up [N, 2F].
struct SwiGluForward {
  Element element = Element::kF32;
  int64_t width = 0;  // F
  const void* gate_up = nullptr;
  void* out = nullptr;

  /// Columns [first, last) of the rows.
  void Run(int64_t begin, int64_t end, int64_t first, int64_t last) const;
};

/// grad_gate_up [N, 2F] from grad_out [N, F]; and the forward pass's out [N, F] again, where it is
/// not null.
void SwiGluBackwardRows(Element element, int64_t width, const void* gate_up, const void* grad_out,
                        void* grad_gate_up, void* out, int64_t begin, int64_t end);

}  // namespace meap
