#include "nn/attention.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include "core/error.h"
#include "nn/attention_kernel.h"
#include "nn/dispatch.h"
#include "nn/heads.h"

namespace meap {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

AttentionInputs Inputs(const at::Tensor& q_NHd, const at::Tensor& k_NKd, const at::Tensor& v_NKd,
                       std::vector<int64_t> offsets) {
  return {ElementOf(q_NHd),   q_NHd.size(1), k_NKd.size(1), q_NHd.size(2),
          std::move(offsets), RowsOf(q_NHd), RowsOf(k_NKd), RowsOf(v_NKd)};
}

class PackedAttentionFunction : public torch::autograd::Function<PackedAttentionFunction> {
 public:
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& q_in, const at::Tensor& k_in,
                            const at::Tensor& v_in, const std::vector<int64_t>& offsets) {
    const at::Tensor q_NHd = DenseHeads(q_in);
    const at::Tensor k_NKd = DenseHeads(k_in);
    const at::Tensor v_NKd = DenseHeads(v_in);
    const at::TensorOptions wide = q_NHd.options().dtype(at::kFloat);
    at::Tensor out_NHd = at::empty(q_NHd.sizes(), q_NHd.options());
    at::Tensor log_sum_NH = at::empty({q_NHd.size(0), q_NHd.size(1)}, wide);
    AttentionForward work(Inputs(q_NHd, k_NKd, v_NKd, offsets), out_NHd.mutable_data_ptr(),
                          log_sum_NH.mutable_data_ptr<float>());
    at::Tensor workspace = at::empty({work.WorkspaceSize()}, wide);
    work.SetWorkspace(workspace.mutable_data_ptr<float>());
    at::parallel_for(0, work.packs(), 1,
                     [&](int64_t begin, int64_t end) { work.Pack(begin, end); });
    at::parallel_for(0, work.runs(), 1, [&](int64_t begin, int64_t end) { work.Run(begin, end); });
    ctx->save_for_backward({q_NHd, k_NKd, v_NKd, out_NHd, log_sum_NH});
    ctx->saved_data["offsets"] = offsets;
    return out_NHd;
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const variable_list saved = ctx->get_saved_variables();
    const at::Tensor &q_NHd = saved[0], &k_NKd = saved[1], &v_NKd = saved[2];
    const at::Tensor grad_out_NHd = DenseHeads(grads[0]);
    // One memory, as q, k and v come from one activation: RotateQkv then has nothing to copy.
    const int64_t heads = q_NHd.size(1), kv_heads = k_NKd.size(1);
    const at::Tensor grad_qkv =
        at::empty({q_NHd.size(0), heads + 2 * kv_heads, q_NHd.size(2)}, q_NHd.options());
    const at::Tensor grad_q_NHd = grad_qkv.narrow(1, 0, heads);
    const at::Tensor grad_k_NKd = grad_qkv.narrow(1, heads, kv_heads);
    const at::Tensor grad_v_NKd = grad_qkv.narrow(1, heads + kv_heads, kv_heads);
    AttentionBackward work;
    work.inputs = Inputs(q_NHd, k_NKd, v_NKd, ctx->saved_data["offsets"].toIntVector());
    work.out = RowsOf(saved[3]);
    work.grad_out = RowsOf(grad_out_NHd);
    work.log_sum = saved[4].const_data_ptr<float>();
    work.grad_q = RowsOf(grad_q_NHd);
    work.grad_k = RowsOf(grad_k_NKd);
    work.grad_v = RowsOf(grad_v_NKd);
    work.Cut(at::get_num_threads());
    at::parallel_for(0, work.pieces(), 1,
                     [&](int64_t begin, int64_t end) { work.Run(begin, end); });
    return {grad_q_NHd, grad_k_NKd, grad_v_NKd, at::Tensor()};
  }
};

at::Tensor PackedAttentionOperator(const at::Tensor& q_NHd, const at::Tensor& k_NKd,
                                   const at::Tensor& v_NKd, at::IntArrayRef offsets) {
  return PackedAttention(q_NHd, k_NKd, v_NKd, Segments{offsets.vec()});
}

TORCH_LIBRARY_FRAGMENT(meap, library) {
  library.def("packed_attention(Tensor q, Tensor k, Tensor v, int[] offsets) -> Tensor",
              &PackedAttentionOperator);
}

/// Flash attention over packed sequences; libtorch knows its gradient.
at::Tensor FlashAttention(const at::Tensor& q_NHd, const at::Tensor& k_NKd, const at::Tensor& v_NKd,
                          const Segments& segments) {
  int64_t longest = 0;
  for (int64_t i = 0; i < segments.count(); ++i) longest = std::max(longest, segments.length(i));
  return std::get<0>(at::_flash_attention_forward(
      q_NHd, k_NKd, v_NKd, segments.gpu_offsets, segments.gpu_offsets, longest, longest,
      /*dropout_p=*/0.0, /*is_causal=*/true, /*return_debug_mask=*/false));
}

bool FitsFlashAttention(const at::Tensor& q_NHd, const Segments& segments) {
  const bool narrow = q_NHd.scalar_type() == at::kBFloat16 || q_NHd.scalar_type() == at::kHalf;
  constexpr int64_t kWidestHead = 256;
  return q_NHd.is_cuda() && narrow && segments.gpu_offsets.defined() && q_NHd.size(2) % 8 == 0 &&
         q_NHd.size(2) <= kWidestHead;
}

}  // namespace

at::Tensor PackedAttender::Attend(int64_t, const at::Tensor& q_NHd, const at::Tensor& k_NKd,
                                  const at::Tensor& v_NKd) {
  if (q_NHd.is_cuda() && !segments_.gpu_offsets.defined()) {  // once for all layers
    segments_.gpu_offsets = SendTo(at::tensor(segments_.offsets, at::kInt), q_NHd.device());
  }
  return PackedAttention(q_NHd, k_NKd, v_NKd, segments_);
}

Segments Segments::Regular(int64_t rows, int64_t length) {
  Segments segments;
  for (int64_t i = 0; i <= rows; ++i) segments.offsets.push_back(i * length);
  return segments;
}

int64_t Segments::CommonLength() const {
  for (int64_t i = 1; i < count(); ++i) {
    if (length(i) != length(0)) return 0;
  }
  return length(0);
}

at::Tensor PackedAttention(const at::Tensor& q_NHd, const at::Tensor& k_NKd,
                           const at::Tensor& v_NKd, const Segments& segments) {
  MEAP_CHECK(segments.tokens() == q_NHd.size(0), "segments do not cover the tokens");
  MEAP_CHECK(q_NHd.size(1) % k_NKd.size(1) == 0, "query heads do not share key heads evenly");
  if (FitsFlashAttention(q_NHd, segments)) return FlashAttention(q_NHd, k_NKd, v_NKd, segments);
  if (!HasKernel(q_NHd)) return reference::PackedAttention(q_NHd, k_NKd, v_NKd, segments);
  return PackedAttentionFunction::apply(q_NHd, k_NKd, v_NKd, segments.offsets);
}

}  // namespace meap
