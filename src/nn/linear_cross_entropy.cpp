#include "nn/linear_cross_entropy.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>

namespace meap {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Rows of a block: about 16 MiB of f32 logits, so that they stay near the caches.
int64_t BlockRows(int64_t vocabulary) {
  return std::max<int64_t>(16, (int64_t{1} << 22) / std::max<int64_t>(1, vocabulary));
}

struct Gradients {
  at::Tensor hidden_MD;
  at::Tensor weight_VD;  // f32: blocks are summed in it
};

/// One block: fills nll and, where gradients are wanted, adds scale * (softmax - onehot) to them.
void Block(const at::Tensor& hidden_BD, const at::Tensor& weight_VD, const at::Tensor& targets_B,
           double scale, at::Tensor nll_B, at::Tensor grad_hidden_BD, Gradients* gradients) {
  at::Tensor logits_BV = at::mm(hidden_BD, weight_VD.t()).to(at::kFloat);
  const at::Tensor target_logits = logits_BV.gather(1, targets_B.unsqueeze(1));
  const at::Tensor normalizer = logits_BV.logsumexp(1, /*keepdim=*/true);
  nll_B.copy_((normalizer - target_logits).squeeze(1));
  if (gradients == nullptr) return;
  at::Tensor& grad_BV = logits_BV;
  grad_BV.sub_(normalizer).exp_();
  grad_BV.scatter_add_(1, targets_B.unsqueeze(1), at::full_like(target_logits, -1.0));
  const at::Tensor scaled_BV = grad_BV.mul_(scale).to(weight_VD.scalar_type());
  at::mm_out(grad_hidden_BD, scaled_BV, weight_VD);
  if (weight_VD.scalar_type() == at::kFloat) {
    gradients->weight_VD.addmm_(scaled_BV.t(), hidden_BD);
  } else {
    gradients->weight_VD.add_(at::mm(scaled_BV.t(), hidden_BD));
  }
}

class LinearCrossEntropyFunction : public torch::autograd::Function<LinearCrossEntropyFunction> {
 public:
  static variable_list forward(AutogradContext* ctx, const at::Tensor& hidden_ND,
                               const at::Tensor& weight_VD, const at::Tensor& targets_N,
                               double scale, bool wants_gradient) {
    const at::Tensor rows_M = targets_N.ne(kIgnoreLabel).nonzero().squeeze(1);
    const bool all = rows_M.size(0) == targets_N.size(0);
    const at::Tensor hidden_MD = all ? hidden_ND : hidden_ND.index_select(0, rows_M);
    const at::Tensor targets_M = all ? targets_N : targets_N.index_select(0, rows_M);
    at::Tensor nll_M = at::empty({targets_M.size(0)}, hidden_ND.options().dtype(at::kFloat));
    Gradients gradients;
    if (wants_gradient) {
      gradients.hidden_MD = at::empty_like(hidden_MD);
      gradients.weight_VD = at::zeros(weight_VD.sizes(), weight_VD.options().dtype(at::kFloat));
    }
    const int64_t block = BlockRows(weight_VD.size(0));
    for (int64_t begin = 0; begin < targets_M.size(0); begin += block) {
      const int64_t rows = std::min(block, targets_M.size(0) - begin);
      const auto part = [&](const at::Tensor& x) { return x.narrow(0, begin, rows); };
      Block(part(hidden_MD), weight_VD, part(targets_M), scale, part(nll_M),
            wants_gradient ? part(gradients.hidden_MD) : at::Tensor(),
            wants_gradient ? &gradients : nullptr);
    }
    at::Tensor nll_N = nll_M;
    if (!all) nll_N = at::zeros({targets_N.size(0)}, nll_M.options()).index_copy_(0, rows_M, nll_M);
    if (wants_gradient) {
      at::Tensor grad_hidden_ND = gradients.hidden_MD;
      if (!all) {
        grad_hidden_ND = at::zeros_like(hidden_ND).index_copy_(0, rows_M, gradients.hidden_MD);
      }
      ctx->saved_data["hidden"] = grad_hidden_ND;
      ctx->saved_data["weight"] = gradients.weight_VD.to(weight_VD.scalar_type());
    }
    ctx->mark_non_differentiable({nll_N});
    // The sum runs in f64: over a million terms f32 would lose digits that the curves show.
    return {(nll_M.sum(at::kDouble) * scale).to(at::kFloat), nll_N};
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const auto scaled = [&](const char* name) {
      at::Tensor grad = ctx->saved_data[name].toTensor();
      ctx->saved_data.erase(name);  // freed as soon as the graph has used it
      return grad.mul_(grads[0].to(grad.scalar_type()));
    };
    at::Tensor hidden = scaled("hidden");
    at::Tensor weight = scaled("weight");
    return {hidden, weight, at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

CrossEntropy LinearCrossEntropy(const at::Tensor& hidden_ND, const at::Tensor& weight_VD,
                                const at::Tensor& targets_N, double scale) {
  const bool wants_gradient =
      at::GradMode::is_enabled() && (hidden_ND.requires_grad() || weight_VD.requires_grad());
  auto parts =
      LinearCrossEntropyFunction::apply(hidden_ND, weight_VD, targets_N, scale, wants_gradient);
  return {parts[0], parts[1]};
}

}  // namespace meap
