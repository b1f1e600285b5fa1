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

/// A part's results with the graph from `inputs`, leaves of its own, to them.
struct Again {
  variable_list inputs;
  variable_list results;
};

Again RunWithGradient(const KeptPart& kept, const variable_list& saved) {
  Again again;
  for (const at::Tensor& input : saved) {
    again.inputs.push_back(input.detach().set_requires_grad(input.requires_grad()));
  }
  const at::AutoGradMode with_grad(true);
  again.results = kept.part(again.inputs);
  return again;
}

class RecomputeFunction : public torch::autograd::Function<RecomputeFunction> {
 public:
  /// `anchor` wants a gradient and gets none: it ties the results into the graph where no input
  /// does, as when only weights inside the part are trained.
  static variable_list forward(AutogradContext* ctx, const c10::intrusive_ptr<KeptPart>& kept,
                               const at::Tensor& /*anchor*/, at::TensorList inputs) {
    ctx->set_materialize_grads(false);
    ctx->save_for_backward(inputs.vec());
    ctx->saved_data["part"] = at::IValue::make_capsule(kept);
    // As the backward pass will run it, and not by the shorter ways of inference, which round
    // otherwise; the graph made on the way is dropped at once.
    variable_list results;
    for (const at::Tensor& result : RunWithGradient(*kept, inputs.vec()).results) {
      results.push_back(result.detach());
    }
    return results;
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const auto kept = ctx->saved_data["part"].toCapsule();
    const Again again =
        RunWithGradient(static_cast<const KeptPart&>(*kept), ctx->get_saved_variables());
    variable_list results, result_grads;
    for (size_t i = 0; i < again.results.size(); ++i) {
      if (!grads[i].defined()) continue;
      results.push_back(again.results[i]);
      result_grads.push_back(grads[i]);
    }
    grads.clear();
    if (!results.empty()) torch::autograd::backward(results, result_grads);
    variable_list input_grads(2);  // of the part and the anchor
    for (const at::Tensor& input : again.inputs) input_grads.push_back(input.grad());
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
