#include "nn/recompute.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

namespace meap {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// A ModelPart as autograd's contexts can hold it.
struct KeptPart : torch::CustomClassHolder {
  explicit KeptPart(ModelPart part_in) : part(std::move(part_in)) {}
  ModelPart part;
};

class RecomputeFunction : public torch::autograd::Function<RecomputeFunction> {
 public:
  /// `anchor` wants a gradient and gets none: it ties the results into the graph where no input
  /// does, as when only weights inside the part are trained.
  static variable_list forward(AutogradContext* ctx, const c10::intrusive_ptr<KeptPart>& kept,
                               const at::Tensor& /*anchor*/, at::TensorList inputs) {
    ctx->set_materialize_grads(false);
    ctx->save_for_backward(inputs.vec());
    ctx->saved_data["part"] = at::IValue::make_capsule(kept);
    return kept->part(inputs.vec());
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    variable_list inputs;
    for (const at::Tensor& saved : ctx->get_saved_variables()) {
      inputs.push_back(saved.detach().set_requires_grad(saved.requires_grad()));
    }
    variable_list results, result_grads;
    {
      const at::AutoGradMode with_grad(true);
      const auto kept = ctx->saved_data["part"].toCapsule();
      const variable_list all = static_cast<const KeptPart&>(*kept).part(inputs);
      for (size_t i = 0; i < all.size(); ++i) {
        if (!grads[i].defined()) continue;
        results.push_back(all[i]);
        result_grads.push_back(grads[i]);
      }
    }
    grads.clear();
    if (!results.empty()) torch::autograd::backward(results, result_grads);
    variable_list input_grads(2);  // of the part and the anchor
    for (const at::Tensor& input : inputs) input_grads.push_back(input.grad());
    return input_grads;
  }
};

}  // namespace

std::vector<at::Tensor> Recompute(ModelPart part, const std::vector<at::Tensor>& inputs) {
  if (!at::GradMode::is_enabled()) return part(inputs);
  const at::Tensor anchor = at::empty({0}, inputs.front().options()).set_requires_grad(true);
  return RecomputeFunction::apply(c10::make_intrusive<KeptPart>(std::move(part)), anchor,
                                  at::TensorList(inputs));
}

}  // namespace meap
