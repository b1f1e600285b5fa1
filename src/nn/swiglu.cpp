#include "nn/swiglu.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include "nn/dispatch.h"
#include "nn/linear.h"
#include "nn/swiglu_kernel.h"

namespace meap {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr int64_t kGrainRows = 8;

/// gate_up without gaps.
at::Tensor Forward(const at::Tensor& gate_up_N2F) {
  std::vector<int64_t> sizes = gate_up_N2F.sizes().vec();
  sizes.back() /= 2;
  at::Tensor out_NF = at::empty(sizes, gate_up_N2F.options());
  const int64_t width = sizes.back();
  const int64_t rows = width == 0 ? 0 : out_NF.numel() / width;
  const SwiGluForward work{ElementOf(gate_up_N2F), width, gate_up_N2F.const_data_ptr(),
                           out_NF.data_ptr()};
  OnDeviceOf(
      out_NF,
      [&](auto stream) {
        GpuSwiGluForward(work.element, width, work.gate_up, work.out, rows, stream);
      },
      [&] {
        at::parallel_for(0, rows, kGrainRows,
                         [&](int64_t begin, int64_t end) { work.Run(begin, end, 0, width); });
      });
  return out_NF;
}

class SwiGluFunction : public torch::autograd::Function<SwiGluFunction> {
 public:
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& input) {
    const at::Tensor gate_up_N2F = input.contiguous();
    ctx->save_for_backward({gate_up_N2F});
    return Forward(gate_up_N2F);
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    return {SwiGluGradient(ctx->get_saved_variables()[0], grads[0].contiguous(), {})};
  }
};

class SwiGluLinearFunction : public torch::autograd::Function<SwiGluLinearFunction> {
 public:
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& input,
                            const at::Tensor& weight_OF, const std::optional<at::Tensor>& bias_O) {
    const at::Tensor gate_up_N2F = input.contiguous();
    ctx->save_for_backward({gate_up_N2F, weight_OF});
    ctx->saved_data["has_bias"] = bias_O.has_value();
    return Linear(Forward(gate_up_N2F), weight_OF, bias_O.value_or(at::Tensor()));
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const variable_list saved = ctx->get_saved_variables();
    const at::Tensor &gate_up_N2F = saved[0], &weight_OF = saved[1];
    const at::Tensor grad_out_NO = grads[0].contiguous();
    const at::Tensor grad_hidden_NF = MatrixProduct(grad_out_NO, weight_OF);
    variable_list results(3);
    at::Tensor hidden_NF;
    if (ctx->needs_input_grad(1)) hidden_NF = at::empty_like(grad_hidden_NF);
    results[0] = SwiGluGradient(gate_up_N2F, grad_hidden_NF, hidden_NF);
    if (hidden_NF.defined()) results[1] = MatrixProduct(grad_out_NO.t(), hidden_NF);
    if (ctx->saved_data["has_bias"].toBool() && ctx->needs_input_grad(2)) {
      results[2] = grad_out_NO.sum(0);
    }
    return results;
  }
};

TORCH_LIBRARY_FRAGMENT(meap, library) {
  library.def("swiglu(Tensor gate_up) -> Tensor", &SwiGlu);
  library.def("swiglu_linear(Tensor gate_up, Tensor weight, Tensor? bias=None) -> Tensor",
              [](const at::Tensor& gate_up, const at::Tensor& weight,
                 const std::optional<at::Tensor>& bias) {
                return SwiGluLinear(gate_up, weight, bias.value_or(at::Tensor()));
              });
}

}  // namespace

at::Tensor SwiGluGradient(const at::Tensor& gate_up_N2F, const at::Tensor& grad_out_NF,
                          const at::Tensor& out_NF) {
  at::Tensor grad_N2F = at::empty_like(gate_up_N2F);
  const int64_t width = grad_out_NF.size(-1);
  const int64_t rows = width == 0 ? 0 : grad_out_NF.numel() / width;
  const Element element = ElementOf(gate_up_N2F);
  const void* const from = gate_up_N2F.const_data_ptr();
  const void* const grad = grad_out_NF.const_data_ptr();
  void* const to = grad_N2F.data_ptr();
  void* const out = out_NF.defined() ? out_NF.data_ptr() : nullptr;
  OnDeviceOf(
      grad_N2F,
      [&](auto stream) { GpuSwiGluBackward(element, width, from, grad, to, out, rows, stream); },
      [&] {
        at::parallel_for(0, rows, kGrainRows, [&](int64_t begin, int64_t end) {
          SwiGluBackwardRows(element, width, from, grad, to, out, begin, end);
        });
      });
  return grad_N2F;
}

at::Tensor SwiGlu(const at::Tensor& gate_up_N2F) {
  if (!HasFusedKernel(gate_up_N2F)) return reference::SwiGlu(gate_up_N2F);
  if (!at::GradMode::is_enabled()) return Forward(gate_up_N2F.contiguous());
  return SwiGluFunction::apply(gate_up_N2F);
}

at::Tensor SwiGluLinear(const at::Tensor& gate_up_N2F, const at::Tensor& weight_OF,
                        const at::Tensor& bias_O) {
  if (!HasFusedKernel(gate_up_N2F) || !at::GradMode::is_enabled()) {
    return Linear(SwiGlu(gate_up_N2F), weight_OF, bias_O);
  }
  return SwiGluLinearFunction::apply(
      gate_up_N2F, weight_OF, bias_O.defined() ? std::optional<at::Tensor>(bias_O) : std::nullopt);
}

}  // namespace meap
