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

/// Queries [N, H, d], keys and values [N, K, d] of one activation, q and k rotated.
struct RotatedQkv {
  at::Tensor q_NHd;
  at::Tensor k_NKd;
  at::Tensor v_NKd;
};

/// Splits qkv [N, H + 2K, d] (queries, keys, values) and rotates q and k by the angles of
/// positions_N (int64). On the CPU it works in
/// place: the results are views of qkv's memory, so that qkv itself must not be used afterwards.
/// Differentiable in qkv; the gradient too is one memory with PackedAttention's.
RotatedQkv RotateQkv(const at::Tensor& qkv_NHd, int64_t heads, int64_t kv_heads,
                     const RopeTable& table, const at::Tensor& positions_N);

namespace reference {
/// The same in plain libtorch, for every device and dtype.
RotatedQkv RotateQkv(const at::Tensor& qkv_NHd, int64_t heads, int64_t kv_heads,
                     const RopeTable& table, const at::Tensor& positions_N);
}  // namespace reference

}  // namespace meap
