#include "nn/rms_norm.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include "core/error.h"
#include "nn/dispatch.h"
#include "nn/rms_norm_kernel.h"

namespace meap {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Rows whose weight gradients are summed by themselves, so that the order of the sum does not
/// depend on the number of threads.
constexpr int64_t kChunkRows = 64;

/// What a forward pass makes; without delta the sum is x itself.
struct Normed {
  at::Tensor sum_ND;
  at::Tensor normed_ND;
  at::Tensor scale_N;
};

/// All inputs without gaps; delta_ND may be undefined.
Normed Norm(const at::Tensor& x_ND, const at::Tensor& delta_ND, const at::Tensor& weight_D,
            double eps) {
  Normed out;
  out.sum_ND = delta_ND.defined() ? at::empty_like(x_ND) : x_ND;
  out.normed_ND = at::empty_like(x_ND);
  const int64_t width = weight_D.size(0);
  const int64_t rows = x_ND.numel() / width;
  out.scale_N = at::empty({rows}, x_ND.options().dtype(at::kFloat));
  const RmsNormForward work{ElementOf(x_ND),
                            width,
                            static_cast<float>(eps),
                            x_ND.const_data_ptr(),
                            delta_ND.defined() ? delta_ND.const_data_ptr() : nullptr,
                            weight_D.const_data_ptr(),
                            out.sum_ND.data_ptr(),
                            out.normed_ND.data_ptr(),
                            out.scale_N.mutable_data_ptr<float>()};
  OnDeviceOf(
      x_ND, [&](auto stream) { GpuRmsNormForward(work, rows, stream); },
      [&] {
        at::parallel_for(0, rows, 16, [&](int64_t begin, int64_t end) { work.Run(begin, end); });
      });
  return out;
}

/// (x + delta, normed); without delta the sum is x itself and is not returned.
class RmsNormFunction : public torch::autograd::Function<RmsNormFunction> {
 public:
  static variable_list forward(AutogradContext* ctx, const at::Tensor& x_in,
                               const std::optional<at::Tensor>& delta_in,
                               const at::Tensor& weight_in, double eps) {
    const at::Tensor delta_ND = delta_in ? delta_in->contiguous() : at::Tensor();
    const at::Tensor weight_D = weight_in.contiguous();
    const Normed out = Norm(x_in.contiguous(), delta_ND, weight_D, eps);
    ctx->saved_data["adds"] = delta_ND.defined();
    ctx->set_materialize_grads(false);
    ctx->save_for_backward({out.sum_ND, weight_D, out.scale_N});
    if (!delta_ND.defined()) return {out.normed_ND};
    return {out.sum_ND, out.normed_ND};
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const bool adds = ctx->saved_data["adds"].toBool();
    const variable_list saved = ctx->get_saved_variables();
    const at::Tensor &x_ND = saved[0], &weight_D = saved[1], &scale_N = saved[2];
    at::Tensor grad_normed = grads.back();
    at::Tensor grad_sum = adds ? grads[0] : at::Tensor();
    if (!grad_normed.defined()) {  // only the sum was used
      return {grad_sum, adds ? grad_sum : at::Tensor(), at::Tensor(), at::Tensor()};
    }
    grad_normed = grad_normed.contiguous();
    if (grad_sum.defined()) grad_sum = grad_sum.contiguous();
    const at::Tensor grad_x = at::empty_like(x_ND);
    const RmsNormBackward work{ElementOf(x_ND),
                               weight_D.size(0),
                               x_ND.const_data_ptr(),
                               weight_D.const_data_ptr(),
                               scale_N.const_data_ptr<float>(),
                               grad_normed.const_data_ptr(),
                               grad_sum.defined() ? grad_sum.const_data_ptr() : nullptr,
                               grad_x.data_ptr()};
    const at::Tensor grad_weight = WeightGradient(work, scale_N).to(weight_D.scalar_type());
    return {grad_x, adds ? grad_x : at::Tensor(), grad_weight, at::Tensor()};
  }

 private:
  static at::Tensor WeightGradient(const RmsNormBackward& work, const at::Tensor& scale_N) {
    const int64_t rows = scale_N.size(0);
    const int64_t chunks =
        scale_N.is_cuda() ? kGpuRmsNormParts : (rows + kChunkRows - 1) / kChunkRows;
    const at::Tensor parts = at::zeros({chunks, work.width}, scale_N.options());
    float* const sums = parts.mutable_data_ptr<float>();
    OnDeviceOf(
        scale_N, [&](auto stream) { GpuRmsNormBackward(work, rows, sums, stream); },
        [&] {
          at::parallel_for(0, chunks, 1, [&](int64_t begin, int64_t end) {
            for (int64_t i = begin; i < end; ++i) {
              work.Run(i * kChunkRows, std::min(rows, (i + 1) * kChunkRows), sums + i * work.width);
            }
          });
        });
    return parts.sum(0);
  }
};

at::Tensor RmsNormOperator(const at::Tensor& x, const at::Tensor& weight, double eps) {
  return RmsNorm(x, weight, eps);
}

std::tuple<at::Tensor, at::Tensor> AddRmsNormOperator(const at::Tensor& residual,
                                                      const at::Tensor& delta,
                                                      const at::Tensor& weight, double eps) {
  return AddRmsNorm(residual, delta, weight, eps);
}

TORCH_LIBRARY_FRAGMENT(meap, library) {
  library.def("rms_norm(Tensor x, Tensor weight, float eps) -> Tensor", &RmsNormOperator);
  library.def(
      "add_rms_norm(Tensor residual, Tensor delta, Tensor weight, float eps) -> (Tensor, Tensor)",
      &AddRmsNormOperator);
}

}  // namespace

at::Tensor RmsNorm(const at::Tensor& x_ND, const at::Tensor& weight_D, double eps) {
  if (!HasFusedKernel(x_ND)) return reference::RmsNorm(x_ND, weight_D, eps);
  MEAP_CHECK(x_ND.size(-1) == weight_D.size(0), "one weight for each column");
  if (!at::GradMode::is_enabled()) {
    return Norm(x_ND.contiguous(), {}, weight_D.to(x_ND.scalar_type()).contiguous(), eps).normed_ND;
  }
  return RmsNormFunction::apply(x_ND, std::optional<at::Tensor>(), weight_D.to(x_ND.scalar_type()),
                                eps)[0];
}

std::pair<at::Tensor, at::Tensor> AddRmsNorm(const at::Tensor& residual_ND,
                                             const at::Tensor& delta_ND, const at::Tensor& weight_D,
                                             double eps) {
  if (!HasFusedKernel(residual_ND)) {
    return reference::AddRmsNorm(residual_ND, delta_ND, weight_D, eps);
  }
  MEAP_CHECK(residual_ND.sizes() == delta_ND.sizes() &&
                 residual_ND.scalar_type() == delta_ND.scalar_type(),
             "residual and delta are alike");
  if (!at::GradMode::is_enabled()) {
    Normed out = Norm(residual_ND.contiguous(), delta_ND.contiguous(),
                      weight_D.to(residual_ND.scalar_type()).contiguous(), eps);
    return {std::move(out.sum_ND), std::move(out.normed_ND)};
  }
  auto parts = RmsNormFunction::apply(residual_ND, std::optional<at::Tensor>(delta_ND),
                                      weight_D.to(residual_ND.scalar_type()), eps);
  return {parts[0], parts[1]};
}

at::Tensor NormHeads(const at::Tensor& qkv_NHd, int64_t heads, const at::Tensor& q_weight_d,
                     const at::Tensor& k_weight_d, double eps) {
  const int64_t kv_heads = (qkv_NHd.size(1) - heads) / 2;
  const at::Tensor q_NHd = RmsNorm(qkv_NHd.narrow(1, 0, heads), q_weight_d, eps);
  const at::Tensor k_NKd = RmsNorm(qkv_NHd.narrow(1, heads, kv_heads), k_weight_d, eps);
  return at::cat({q_NHd, k_NKd, qkv_NHd.narrow(1, heads + kv_heads, kv_heads)}, 1);
}

}  // namespace meap
