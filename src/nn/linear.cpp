#include "nn/linear.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include "nn/dispatch.h"
#include "nn/skinny_linear.h"

namespace at::native {

/// libtorch's product by oneDNN, result = alpha a b + beta result. It exports the function without
/// a header for it; weak, so that a libtorch without it gives a null pointer here and no error.
__attribute__((weak)) void mkldnn_matmul(const Tensor& a, const Tensor& b, const Tensor& result,
                                         float beta, float alpha);

}  // namespace at::native

namespace meap {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Multiply-adds below which a product is done before oneDNN has found its kernel.
constexpr int64_t kSmallProduct = int64_t{1} << 22;

/// Rows of a weight that are widened at a time.
constexpr int64_t kWidenedRows = 4096;

bool SuitsOneDnn(const at::Tensor& a, const at::Tensor& b, const at::Tensor& out) {
  return &at::native::mkldnn_matmul != nullptr && a.is_cpu() && a.scalar_type() == at::kFloat &&
         GetCpuLevel() >= CpuLevel::kAvx512 && out.is_contiguous() &&
         a.size(0) * a.size(1) * b.size(1) >= kSmallProduct;
}

class LinearFunction : public torch::autograd::Function<LinearFunction> {
 public:
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x_in,
                            const at::Tensor& weight_in, const std::optional<at::Tensor>& bias_O) {
    const at::Tensor x_NI = x_in.contiguous();
    const at::Tensor weight_OI = weight_in.contiguous();
    // Only the weight's gradient reads x: frozen weights keep none.
    ctx->save_for_backward({weight_in.requires_grad() ? x_NI : at::Tensor(), weight_OI});
    ctx->saved_data["has_bias"] = bias_O.has_value();
    return LinearProduct(x_NI, weight_OI, bias_O.value_or(at::Tensor()));
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const variable_list saved = ctx->get_saved_variables();
    const at::Tensor &x_NI = saved[0], &weight_OI = saved[1];
    const at::Tensor grad_out_NO = grads[0].contiguous();
    variable_list results(3);
    if (ctx->needs_input_grad(1)) results[1] = MatrixProduct(grad_out_NO.t(), x_NI);
    if (ctx->needs_input_grad(0)) results[0] = MatrixProduct(grad_out_NO, weight_OI);
    if (ctx->saved_data["has_bias"].toBool() && ctx->needs_input_grad(2)) {
      results[2] = grad_out_NO.sum(0);
    }
    return results;
  }
};

}  // namespace

void MatrixProduct(const at::Tensor& a, const at::Tensor& b, at::Tensor out, bool accumulate) {
  if (SuitsOneDnn(a, b, out)) {
    at::native::mkldnn_matmul(a, b, out, accumulate ? 1.0f : 0.0f, 1.0f);
  } else if (accumulate) {
    out.addmm_(a, b);
  } else {
    at::mm_out(out, a, b);
  }
}

at::Tensor LinearProduct(const at::Tensor& x_NI, const at::Tensor& weight_OI,
                         const at::Tensor& bias_O) {
  at::Tensor out_NO = at::empty({x_NI.size(0), weight_OI.size(0)}, x_NI.options());
  if (bias_O.defined()) out_NO.copy_(bias_O.expand_as(out_NO));
  MatrixProduct(x_NI, weight_OI.t(), out_NO, /*accumulate=*/bias_O.defined());
  return out_NO;
}

at::Tensor MatrixProduct(const at::Tensor& a, const at::Tensor& b) {
  at::Tensor out = at::empty({a.size(0), b.size(1)}, a.options());
  MatrixProduct(a, b, out);
  return out;
}

at::Tensor Linear(const at::Tensor& x_NI, const at::Tensor& weight_OI, const at::Tensor& bias_O) {
  if (IsSkinny(x_NI)) return SkinnyLinear(x_NI, weight_OI, bias_O);
  if (!HasKernel(x_NI)) return at::linear(x_NI, weight_OI, bias_O);
  return LinearFunction::apply(x_NI, weight_OI,
                               bias_O.defined() ? std::optional<at::Tensor>(bias_O) : std::nullopt);
}

at::Tensor WideLinear(const at::Tensor& x_NI, const at::Tensor& weight_OI) {
  if (IsSkinny(x_NI)) return SkinnyLinear(x_NI, weight_OI, {}, /*wide=*/true);
  if (x_NI.scalar_type() == at::kFloat) return at::linear(x_NI, weight_OI);
  const bool wants_gradient = at::GradMode::is_enabled();
  if (HasKernel(x_NI) && !wants_gradient) return SkinnyLinear(x_NI, weight_OI, {}, /*wide=*/true);
  if (x_NI.is_cuda() && !wants_gradient) return at::mm(x_NI, weight_OI.t(), at::kFloat);
  const at::Tensor wide_NI = x_NI.to(at::kFloat);
  std::vector<at::Tensor> parts_NO;
  for (const at::Tensor& part_OI : weight_OI.split(kWidenedRows)) {
    parts_NO.push_back(at::linear(wide_NI, part_OI.to(at::kFloat)));
  }
  return at::cat(parts_NO, 1);
}

}  // namespace meap
