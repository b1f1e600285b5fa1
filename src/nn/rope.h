// Rotary position embedding (Su et al., 2021), rotate-half layout as in Hugging Face Llama.
// Shapes: N tokens, H heads, d head width, P positions.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace meap {

/// How positions beyond the trained context are treated (config.json: rope_scaling /
/// rope_parameters).
struct RopeOptions {
  enum class Scaling { kDefault, kLinear, kLlama3 };
  double theta = 10000.0;
  Scaling scaling = Scaling::kDefault;
  double factor = 1.0;
  double low_freq_factor = 1.0;
  double high_freq_factor = 4.0;
  double original_max_position_embeddings = 8192;
};

/// cos and sin of every angle position * frequency, f32, each [P, d/2].
struct RopeTable {
  at::Tensor cos_Pd;
  at::Tensor sin_Pd;
};

/// The table of the positions 0 .. positions-1.
RopeTable MakeRopeTable(const RopeOptions& options, int64_t head_dim, int64_t positions,
                        at::Device device);

/// x_NHd rotated by the angles of positions_N (int64); dtype as x. Differentiable in x.
at::Tensor ApplyRope(const at::Tensor& x_NHd, const RopeTable& table,
                     const at::Tensor& positions_N);

}  // namespace meap
