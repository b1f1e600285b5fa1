#include "nn/rope.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <algorithm>

#include "core/error.h"
#include "nn/dispatch.h"
#include "nn/heads.h"
#include "nn/rope_kernel.h"

namespace meap {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr int64_t kGrainTokens = 16;

/// Angles as a call and its backward pass need them.
struct Angles {
  at::Tensor cos_Pd, sin_Pd, positions_N;

  explicit Angles(const variable_list& saved)
      : cos_Pd(saved[0]), sin_Pd(saved[1]), positions_N(saved[2]) {}

  /// to = from rotated; [N, heads, d] each, heads without gaps, maybe one memory.
  void Rotate(const at::Tensor& from, const at::Tensor& to, bool inverse) const {
    const Rotation work{ElementOf(from),
                        from.size(1),
                        from.size(2),
                        inverse,
                        cos_Pd.const_data_ptr<float>(),
                        sin_Pd.const_data_ptr<float>(),
                        positions_N.const_data_ptr<int64_t>(),
                        from.const_data_ptr(),
                        from.stride(0),
                        to.data_ptr(),
                        to.stride(0)};
    OnDeviceOf(
        from, [&](auto stream) { GpuRotate(work, from.size(0), stream); },
        [&] {
          at::parallel_for(0, from.size(0), kGrainTokens,
                           [&](int64_t begin, int64_t end) { work.Run(begin, end); });
        });
  }
};

/// q, k and v as views of qkv, q and k rotated where they stand.
RotatedQkv RotateInPlace(const at::Tensor& qkv, int64_t heads, int64_t kv_heads,
                         const Angles& angles) {
  const at::Tensor rotated = qkv.narrow(1, 0, heads + kv_heads);
  angles.Rotate(rotated, rotated, /*inverse=*/false);
  return {qkv.narrow(1, 0, heads), qkv.narrow(1, heads, kv_heads),
          qkv.narrow(1, heads + kv_heads, kv_heads)};
}

class RotateQkvFunction : public torch::autograd::Function<RotateQkvFunction> {
 public:
  static variable_list forward(AutogradContext* ctx, const at::Tensor& qkv_in, int64_t heads,
                               int64_t kv_heads, const at::Tensor& cos_Pd, const at::Tensor& sin_Pd,
                               const at::Tensor& positions_N) {
    const at::Tensor qkv = qkv_in.detach();  // the results are views of memory, not of a variable
    const RotatedQkv out =
        RotateInPlace(qkv, heads, kv_heads, Angles({cos_Pd, sin_Pd, positions_N}));
    ctx->save_for_backward({cos_Pd, sin_Pd, positions_N});
    return {out.q_NHd, out.k_NKd, out.v_NKd};
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const at::Tensor grad = Joined(grads);
    const at::Tensor rotated = grad.narrow(1, 0, grads[0].size(1) + grads[1].size(1));
    Angles(ctx->get_saved_variables()).Rotate(rotated, rotated, /*inverse=*/true);
    return {grad, {}, {}, {}, {}, {}};
  }

 private:
  /// The three gradients as one tensor: themselves, where they stand side by side in a memory that
  /// nobody else holds (PackedAttention makes them so), else a copy.
  static at::Tensor Joined(const variable_list& grads) {
    const at::Tensor &q = grads[0], &k = grads[1], &v = grads[2];
    const int64_t heads = q.size(1) + k.size(1) + v.size(1);
    const auto at_head = [&](const at::Tensor& x, int64_t head) {
      return x.use_count() == 1 && HasDenseHeads(x) && x.stride(0) == heads * x.size(2) &&
             x.storage().is_alias_of(q.storage()) && x.storage_offset() == head * x.size(2);
    };
    const bool adjacent = at_head(q, 0) && at_head(k, q.size(1)) &&
                          at_head(v, q.size(1) + k.size(1)) && q.storage().use_count() == 3;
    if (!adjacent) return at::cat({q, k, v}, 1);
    return q.as_strided({q.size(0), heads, q.size(2)}, {heads * q.size(2), q.size(2), 1}, 0);
  }
};

std::tuple<at::Tensor, at::Tensor, at::Tensor> RotateQkvOperator(const at::Tensor& qkv,
                                                                 int64_t heads, int64_t kv_heads,
                                                                 const at::Tensor& cos,
                                                                 const at::Tensor& sin,
                                                                 const at::Tensor& positions) {
  // A copy: callers from Python know nothing of the rule that qkv is used up.
  RotatedQkv parts = RotateQkv(qkv.clone(), heads, kv_heads, {cos, sin}, positions);
  return {parts.q_NHd, parts.k_NKd, parts.v_NKd};
}

TORCH_LIBRARY_FRAGMENT(meap, library) {
  library.def(
      "rotate_qkv(Tensor qkv, int heads, int kv_heads, Tensor cos, Tensor sin, Tensor positions) "
      "-> (Tensor, Tensor, Tensor)",
      &RotateQkvOperator);
}

/// positions_N without gaps.
void CheckShapes(const at::Tensor& x_NHd, const RopeTable& table, const at::Tensor& positions_N) {
  MEAP_CHECK(x_NHd.size(2) == 2 * table.cos_Pd.size(1), "the table is for this head width");
  MEAP_CHECK(positions_N.size(0) == x_NHd.size(0), "one position for each token");
  if (!positions_N.is_cpu()) return;  // a GPU would have to be waited for
  const int64_t* positions = positions_N.const_data_ptr<int64_t>();
  const bool within = std::all_of(positions, positions + positions_N.size(0),
                                  [&](int64_t p) { return p >= 0 && p < table.cos_Pd.size(0); });
  MEAP_CHECK(within, "positions are within the table");
}

}  // namespace

RotatedQkv RotateQkv(const at::Tensor& qkv_NHd, int64_t heads, int64_t kv_heads,
                     const RopeTable& table, const at::Tensor& positions_N) {
  MEAP_CHECK(qkv_NHd.size(1) == heads + 2 * kv_heads, "qkv holds H + 2K heads");
  if (!HasFusedKernel(qkv_NHd) || !HasDenseHeads(qkv_NHd)) {
    return reference::RotateQkv(qkv_NHd, heads, kv_heads, table, positions_N);
  }
  const at::Tensor positions = positions_N.contiguous();
  CheckShapes(qkv_NHd, table, positions);
  if (!at::GradMode::is_enabled()) {
    return RotateInPlace(qkv_NHd, heads, kv_heads, Angles({table.cos_Pd, table.sin_Pd, positions}));
  }
  auto parts =
      RotateQkvFunction::apply(qkv_NHd, heads, kv_heads, table.cos_Pd, table.sin_Pd, positions);
  return {parts[0], parts[1], parts[2]};
}

}  // namespace meap
