// Causal attention over packed sequences, and the seam behind which a key/value cache may stand.
// Shapes: N tokens, H query heads, K key/value heads (H a multiple of K), d head width.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace meap {

/// Sequences packed one after another into N tokens: segment i is [offsets[i], offsets[i+1]). A
/// token attends to itself and to what stands before it in its own segment, to nothing else.
struct Segments {
  std::vector<int64_t> offsets;
  /// The same, int32 on the GPU that attention is computed on; undefined elsewhere.
  at::Tensor gpu_offsets = {};

  /// `rows` segments of `length` tokens.
  static Segments Regular(int64_t rows, int64_t length);
  int64_t count() const { return static_cast<int64_t>(offsets.size()) - 1; }
  int64_t length(int64_t i) const { return offsets[i + 1] - offsets[i]; }
  int64_t tokens() const { return offsets.back(); }
  /// The length all segments share, or 0 when they differ.
  int64_t CommonLength() const;
};

/// softmax(q k^T / sqrt(d)) v inside each segment, causal; [N, H, d]. Never holds a T x T matrix.
/// Differentiable in q, k, v. On the CPU in f32 and bf16 by our own kernels, on a GPU in bf16 and
/// f16 by libtorch's flash attention where the segments have their gpu_offsets, else the reference.
at::Tensor PackedAttention(const at::Tensor& q_NHd, const at::Tensor& k_NKd,
                           const at::Tensor& v_NKd, const Segments& segments);

namespace reference {
/// The same in plain libtorch, for every device and dtype.
at::Tensor PackedAttention(const at::Tensor& q_NHd, const at::Tensor& k_NKd,
                           const at::Tensor& v_NKd, const Segments& segments);
}  // namespace reference

/// Attention of one layer as the model asks for it: it does not know whether there is a cache.
class Attender {
 public:
  virtual ~Attender() = default;
  /// Result [N, H, d]; q and k are rotated already.
  virtual at::Tensor Attend(int64_t layer, const at::Tensor& q_NHd, const at::Tensor& k_NKd,
                            const at::Tensor& v_NKd) = 0;
};

/// PackedAttention in every layer: training, and scoring of whole sequences.
class PackedAttender : public Attender {
 public:
  explicit PackedAttender(Segments segments) : segments_(std::move(segments)) {}
  at::Tensor Attend(int64_t, const at::Tensor& q_NHd, const at::Tensor& k_NKd,
                    const at::Tensor& v_NKd) override;

 private:
  Segments segments_;
};

}  // namespace meap
