#include "nn/linear_cross_entropy.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <algorithm>

#include "core/error.h"
#include "nn/dispatch.h"
#include "nn/linear.h"
#include "nn/linear_cross_entropy_kernel.h"

namespace meap {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Loss of a block into nll_B; logits_BV becomes the gradient of them where one is wanted.
void SoftmaxBlock(const at::Tensor& logits_BV, const at::Tensor& targets_B, double scale,
                  bool wants_gradient, const at::Tensor& nll_B) {
  if (HasFusedKernel(logits_BV)) {
    const SoftmaxLoss work{ElementOf(logits_BV),
                           logits_BV.size(1),
                           logits_BV.data_ptr(),
                           targets_B.const_data_ptr<int64_t>(),
                           nll_B.mutable_data_ptr<float>(),
                           wants_gradient,
                           static_cast<float>(scale)};
    OnDeviceOf(
        logits_BV, [&](auto stream) { GpuSoftmaxLoss(work, logits_BV.size(0), stream); },
        [&] {
          at::parallel_for(0, logits_BV.size(0), 1,
                           [&](int64_t begin, int64_t end) { work.Run(begin, end); });
        });
    return;
  }
  at::Tensor wide_BV = logits_BV.to(at::kFloat);
  const at::Tensor target_logits = wide_BV.gather(1, targets_B.unsqueeze(1));
  const at::Tensor normalizer = wide_BV.logsumexp(1, /*keepdim=*/true);
  nll_B.copy_((normalizer - target_logits).squeeze(1));
  if (!wants_gradient) return;
  wide_BV.sub_(normalizer).exp_();
  wide_BV.scatter_add_(1, targets_B.unsqueeze(1), at::full_like(target_logits, -1.0));
  logits_BV.copy_(wide_BV.mul_(scale));
}

/// Which rows of the head are trained.
struct HeadGradient {
  int64_t first = 0;
  int64_t rows = 0;  // 0: the head is frozen
};

/// The rows with loss, block by block.
class Blocks {
 public:
  Blocks(const at::Tensor& hidden_MD, const at::Tensor& weight_VD, const at::Tensor& targets_M,
         double scale, bool wants_gradient, HeadGradient head)
      : head_(head),
        hidden_MD_(hidden_MD),
        weight_VD_(weight_VD),
        targets_M_(targets_M),
        scale_(scale),
        wants_gradient_(wants_gradient),
        rows_(std::min(CrossEntropyBlockRows(weight_VD.size(0), weight_VD.element_size()),
                       hidden_MD.size(0))),
        nll_M_(at::empty({hidden_MD.size(0)}, hidden_MD.options().dtype(at::kFloat))) {}

  void Run() {
    if (wants_gradient_) grad_hidden_MD_ = at::empty_like(hidden_MD_);
    const at::Tensor logits = at::empty({rows_, weight_VD_.size(0)}, hidden_MD_.options());
    for (int64_t begin = 0; begin < hidden_MD_.size(0); begin += rows_) {
      const int64_t rows = std::min(rows_, hidden_MD_.size(0) - begin);
      RunBlock(begin, rows, logits.narrow(0, 0, rows));
    }
    if (!wants_gradient_) return;
    if (!grad_weight_VD_.defined()) {
      grad_weight_VD_ = at::zeros({head_.rows, weight_VD_.size(1)}, weight_VD_.options());
    }
    grad_weight_VD_ = grad_weight_VD_.to(weight_VD_.scalar_type());
  }

  const at::Tensor& nll_M() const { return nll_M_; }
  const at::Tensor& grad_hidden_MD() const { return grad_hidden_MD_; }
  /// Of the trained rows of the head alone.
  const at::Tensor& grad_weight_VD() const { return grad_weight_VD_; }

 private:
  void RunBlock(int64_t begin, int64_t rows, const at::Tensor& logits_BV) {
    const at::Tensor hidden_BD = hidden_MD_.narrow(0, begin, rows);
    MatrixProduct(hidden_BD, weight_VD_.t(), logits_BV);
    SoftmaxBlock(logits_BV, targets_M_.narrow(0, begin, rows), scale_, wants_gradient_,
                 nll_M_.narrow(0, begin, rows));
    if (!wants_gradient_) return;
    MatrixProduct(logits_BV, weight_VD_, grad_hidden_MD_.narrow(0, begin, rows));
    if (head_.rows == 0) return;
    const bool whole = head_.rows == weight_VD_.size(0);
    AddWeightGradient(whole ? logits_BV : logits_BV.narrow(1, head_.first, head_.rows), hidden_BD);
  }

  /// The first block's gradient is the sum so far; where a second comes, they are summed in f32.
  void AddWeightGradient(const at::Tensor& grad_BV, const at::Tensor& hidden_BD) {
    if (!grad_weight_VD_.defined()) {
      grad_weight_VD_ = at::empty({head_.rows, weight_VD_.size(1)}, weight_VD_.options());
      MatrixProduct(grad_BV.t(), hidden_BD, grad_weight_VD_);
    } else if (weight_VD_.scalar_type() == at::kFloat) {
      MatrixProduct(grad_BV.t(), hidden_BD, grad_weight_VD_, /*accumulate=*/true);
    } else {
      if (grad_weight_VD_.scalar_type() != at::kFloat) {
        grad_weight_VD_ = grad_weight_VD_.to(at::kFloat);
      }
      grad_weight_VD_.add_(at::mm(grad_BV.t(), hidden_BD));
    }
  }

  HeadGradient head_;
  at::Tensor hidden_MD_, weight_VD_, targets_M_;
  double scale_;
  bool wants_gradient_;
  int64_t rows_;
  at::Tensor nll_M_;
  at::Tensor grad_hidden_MD_;
  at::Tensor grad_weight_VD_;
};

/// The positions with loss and what they are to predict, found where the targets are and then on
/// `device`.
struct LossRows {
  LossRows(const at::Tensor& targets_N, int64_t vocabulary, at::Device device) {
    const at::Tensor has_loss_N = targets_N.ne(kIgnoreLabel);
    if (!has_loss_N.all().item<bool>()) rows_M = has_loss_N.nonzero().squeeze(1);
    targets_M = Of(targets_N);
    CheckTargets(vocabulary);
    if (rows_M.defined()) rows_M = SendTo(rows_M, device);
    targets_M = SendTo(targets_M, device);
  }

  /// Those of N rows that have a loss, without gaps.
  at::Tensor Of(const at::Tensor& x) const {
    return rows_M.defined() ? x.index_select(0, rows_M) : x.contiguous();
  }

  at::Tensor rows_M;  // undefined where all have one
  at::Tensor targets_M;

 private:
  void CheckTargets(int64_t vocabulary) const {
    if (!targets_M.is_cpu() || targets_M.numel() == 0) return;
    MEAP_CHECK(targets_M.min().item<int64_t>() >= 0 && targets_M.max().item<int64_t>() < vocabulary,
               "targets are within the vocabulary");
  }
};

/// [N, ...] with zeros but for `part` in rows_M.
at::Tensor Spread(const at::Tensor& part, const at::Tensor& rows_M, int64_t tokens) {
  std::vector<int64_t> sizes = part.sizes().vec();
  sizes[0] = tokens;
  return at::zeros(sizes, part.options()).index_copy_(0, rows_M, part);
}

class LinearCrossEntropyFunction : public torch::autograd::Function<LinearCrossEntropyFunction> {
 public:
  static variable_list forward(AutogradContext* ctx, const at::Tensor& hidden_ND,
                               const at::Tensor& weight_VD, const at::Tensor& /*row_1D*/,
                               const at::Tensor& targets_N, double scale, bool wants_gradient,
                               int64_t row) {
    const LossRows with_loss(targets_N, weight_VD.size(0), hidden_ND.device());
    HeadGradient head;
    if (weight_VD.requires_grad()) head.rows = weight_VD.size(0);
    if (row >= 0) head = {.first = row, .rows = 1};
    Blocks blocks(with_loss.Of(hidden_ND), weight_VD, with_loss.targets_M, scale, wants_gradient,
                  head);
    blocks.Run();
    const auto spread = [&](const at::Tensor& part) {
      const at::Tensor& rows_M = with_loss.rows_M;
      return rows_M.defined() ? Spread(part, rows_M, targets_N.size(0)) : part;
    };
    if (wants_gradient) {
      ctx->saved_data["hidden"] = spread(blocks.grad_hidden_MD());
      ctx->saved_data["weight"] = blocks.grad_weight_VD();
      ctx->saved_data["row"] = row >= 0;
    }
    const at::Tensor nll_N = spread(blocks.nll_M());
    ctx->mark_non_differentiable({nll_N});
    // The sum runs in f64: over a million terms f32 would lose digits that the curves show.
    return {(blocks.nll_M().sum(at::kDouble) * scale).to(at::kFloat), nll_N};
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    // A loss that is itself the root has gradient 1: nothing to multiply, and on the CPU no cost
    // to find out.
    const bool is_one = grads[0].is_cpu() && grads[0].item<double>() == 1.0;
    const auto scaled = [&](const char* name) {
      at::Tensor grad = ctx->saved_data[name].toTensor();
      ctx->saved_data.erase(name);  // freed as soon as the graph has used it
      return is_one ? grad : grad.mul_(grads[0].to(grad.scalar_type()));
    };
    at::Tensor hidden = scaled("hidden");
    at::Tensor weight = scaled("weight");
    const bool row = ctx->saved_data["row"].toBool();
    return {hidden,
            row ? at::Tensor() : weight,
            row ? weight : at::Tensor(),
            at::Tensor(),
            at::Tensor(),
            at::Tensor(),
            at::Tensor()};
  }
};

std::tuple<at::Tensor, at::Tensor> LinearCrossEntropyOperator(const at::Tensor& hidden,
                                                              const at::Tensor& weight,
                                                              const at::Tensor& targets,
                                                              double scale) {
  CrossEntropy result = LinearCrossEntropy(hidden, weight, targets, scale);
  return {result.loss, result.nll_N};
}

TORCH_LIBRARY_FRAGMENT(meap, library) {
  library.def(
      "linear_cross_entropy(Tensor hidden, Tensor weight, Tensor targets, float scale) "
      "-> (Tensor, Tensor)",
      &LinearCrossEntropyOperator);
}

}  // namespace

int64_t CrossEntropyBlockRows(int64_t vocabulary, int64_t element_size) {
  const int64_t row_bytes = std::max<int64_t>(1, vocabulary) * element_size;
  return std::max<int64_t>(16, (int64_t{1} << 27) / row_bytes);
}

CrossEntropy LinearCrossEntropy(const at::Tensor& hidden_ND, const at::Tensor& weight_VD,
                                const at::Tensor& targets_N, double scale) {
  const bool wants_gradient =
      at::GradMode::is_enabled() && (hidden_ND.requires_grad() || weight_VD.requires_grad());
  const at::Tensor no_row = at::empty({0}, weight_VD.options());
  auto parts = LinearCrossEntropyFunction::apply(hidden_ND, weight_VD, no_row, targets_N, scale,
                                                 wants_gradient, int64_t{-1});
  return {parts[0], parts[1]};
}

CrossEntropy FrozenHeadCrossEntropy(const at::Tensor& hidden_ND, const at::Tensor& weight_VD,
                                    const at::Tensor& targets_N, double scale, int64_t row,
                                    const at::Tensor& row_1D) {
  const bool wants_gradient = at::GradMode::is_enabled();
  auto parts = LinearCrossEntropyFunction::apply(hidden_ND, weight_VD.detach(), row_1D, targets_N,
                                                 scale, wants_gradient, row);
  return {parts[0], parts[1]};
}

}  // namespace meap
