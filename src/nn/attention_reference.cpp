// The plain libtorch form of PackedAttention: any device and dtype, and the tests' oracle.
#include <ATen/ATen.h>

#include "core/error.h"
#include "nn/attention.h"

namespace meap {
namespace {

/// Attention of `rows` segments of one length that stand one after another.
at::Tensor RegularAttention(const at::Tensor& q_NHd, const at::Tensor& k_NKd,
                            const at::Tensor& v_NKd, int64_t rows) {
  const int64_t length = q_NHd.size(0) / rows;
  const int64_t group = q_NHd.size(1) / k_NKd.size(1);
  const auto split = [&](const at::Tensor& x_NHd) {
    return x_NHd.reshape({rows, length, x_NHd.size(1), x_NHd.size(2)}).transpose(1, 2);
  };
  at::Tensor k_BHTd = split(k_NKd);
  at::Tensor v_BHTd = split(v_NKd);
  if (group > 1) {
    k_BHTd = k_BHTd.repeat_interleave(group, 1);
    v_BHTd = v_BHTd.repeat_interleave(group, 1);
  }
  const at::Tensor out_BHTd = at::scaled_dot_product_attention(
      split(q_NHd), k_BHTd, v_BHTd, /*attn_mask=*/{}, /*dropout_p=*/0.0, /*is_causal=*/true);
  return out_BHTd.transpose(1, 2).reshape(q_NHd.sizes());
}

}  // namespace

namespace reference {

at::Tensor PackedAttention(const at::Tensor& q_NHd, const at::Tensor& k_NKd,
                           const at::Tensor& v_NKd, const Segments& segments) {
  MEAP_CHECK(segments.tokens() == q_NHd.size(0), "segments do not cover the tokens");
  if (segments.CommonLength() > 0) return RegularAttention(q_NHd, k_NKd, v_NKd, segments.count());
  std::vector<at::Tensor> parts;
  for (int64_t i = 0; i < segments.count(); ++i) {
    const int64_t begin = segments.offsets[i];
    const int64_t length = segments.length(i);
    if (length == 0) continue;
    parts.push_back(RegularAttention(q_NHd.narrow(0, begin, length), k_NKd.narrow(0, begin, length),
                                     v_NKd.narrow(0, begin, length), 1));
  }
  return at::cat(parts, 0);
}

}  // namespace reference
}  // namespace meap
