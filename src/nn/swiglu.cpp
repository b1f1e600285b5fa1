#include "nn/swiglu.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include "nn/dispatch.h"
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
  at::parallel_for(0, rows, kGrainRows, [&](int64_t begin, int64_t end) {
    SwiGluForwardRows(ElementOf(gate_up_N2F), width, gate_up_N2F.const_data_ptr(),
                      out_NF.data_ptr(), begin, end);
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
    const at::Tensor gate_up_N2F = ctx->get_saved_variables()[0];
    const at::Tensor grad_out_NF = grads[0].contiguous();
    const at::Tensor grad_N2F = at::empty_like(gate_up_N2F);
    const int64_t width = grad_out_NF.size(-1);
    const int64_t rows = width == 0 ? 0 : grad_out_NF.numel() / width;
    at::parallel_for(0, rows, kGrainRows, [&](int64_t begin, int64_t end) {
      SwiGluBackwardRows(ElementOf(gate_up_N2F), width, gate_up_N2F.const_data_ptr(),
                         grad_out_NF.const_data_ptr(), grad_N2F.data_ptr(), begin, end);
    });
    return {grad_N2F};
  }
};

TORCH_LIBRARY_FRAGMENT(meap, library) { library.def("swiglu(Tensor gate_up) -> Tensor", &SwiGlu); }

}  // namespace

at::Tensor SwiGlu(const at::Tensor& gate_up_N2F) {
  if (!HasKernel(gate_up_N2F)) return reference::SwiGlu(gate_up_N2F);
  if (!at::GradMode::is_enabled()) return Forward(gate_up_N2F.contiguous());
  return SwiGluFunction::apply(gate_up_N2F);
}

}  // namespace meap
