#include "train/optimizer.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>

#include "core/error.h"
#include "nn/adamw.h"

namespace meap {

/// Called by autograd once a parameter's gradient is whole.
class Optimizer::GradientTaker : public torch::autograd::PostAccumulateGradHook {
 public:
  explicit GradientTaker(at::Tensor& sum) : sum_(sum) {}

  void operator()(const at::Tensor& parameter) override {
    at::Tensor& grad = parameter.mutable_grad();
    if (!sum_.defined()) {
      sum_ = grad;  // one micro-batch: used as it is, in the model's dtype
    } else {
      const at::NoGradGuard no_grad;
      if (sum_.scalar_type() != at::kFloat) sum_ = sum_.to(at::kFloat);
      sum_.add_(grad);
    }
    grad.reset();
  }

 private:
  at::Tensor& sum_;
};

Optimizer::Optimizer(std::vector<Parameter> parameters, std::vector<at::Tensor> masters,
                     const OptimizerOptions& options)
    : parameters_(std::move(parameters)), masters_(std::move(masters)), options_(options) {
  MEAP_CHECK(parameters_.size() == masters_.size(), "one master for each parameter");
  for (const at::Tensor& master : masters_) {
    m_.push_back(at::zeros_like(master));
    v_.push_back(at::zeros_like(master));
  }
  grads_.resize(parameters_.size());
  for (size_t i = 0; i < parameters_.size(); ++i) {
    torch::autograd::impl::set_post_acc_grad_hooks(parameters_[i].tensor,
                                                   std::make_unique<GradientTaker>(grads_[i]));
  }
}

Optimizer::~Optimizer() {
  for (const Parameter& parameter : parameters_) {
    torch::autograd::impl::set_post_acc_grad_hooks(parameter.tensor, nullptr);
  }
}

double Optimizer::GradientNorm() const { return GradNorm(grads_); }

void Optimizer::Update(int64_t step, double lr, double norm) {
  const at::NoGradGuard no_grad;
  const bool clips = options_.grad_clip > 0 && norm > options_.grad_clip;
  const double scale = clips ? options_.grad_clip / norm : 1.0;
  AdamWOptions adam{
      .lr = lr, .beta1 = options_.betas[0], .beta2 = options_.betas[1], .eps = options_.eps};
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const Parameter& parameter = parameters_[i];
    adam.weight_decay = parameter.decays ? options_.weight_decay : 0;
    const bool own = parameter.tensor.scalar_type() == at::kFloat;
    AdamWUpdate(adam, step, scale, grads_[i], masters_[i], m_[i], v_[i],
                own ? at::Tensor() : parameter.tensor);
  }
  Discard();
}

void Optimizer::Discard() {
  for (at::Tensor& grad : grads_) grad.reset();
}

std::string Optimizer::FirstNonFinite() const {
  const auto is_finite = [](const at::Tensor& x) { return x.isfinite().all().item<bool>(); };
  for (size_t i = 0; i < parameters_.size(); ++i) {
    if (!is_finite(masters_[i])) return "weight " + parameters_[i].name;
  }
  for (size_t i = 0; i < parameters_.size(); ++i) {
    if (grads_[i].defined() && !is_finite(grads_[i])) return "gradient of " + parameters_[i].name;
  }
  return "";
}

void Optimizer::Save(TrainState& state) const {
  const auto add = [&](const std::string& file, const std::vector<at::Tensor>& tensors) {
    for (size_t i = 0; i < tensors.size(); ++i) {
      state.tensors[file].push_back(SourceOf(parameters_[i].name, tensors[i].detach()));
    }
  };
  add("weights", masters_);
  add("adam_m", m_);
  add("adam_v", v_);
}

void Optimizer::Restore(const LoadedState& state) {
  const at::NoGradGuard no_grad;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const std::string& name = parameters_[i].name;
    state.CopyInto("weights", name, masters_[i]);
    state.CopyInto("adam_m", name, m_[i]);
    state.CopyInto("adam_v", name, v_[i]);
    if (parameters_[i].tensor.scalar_type() != at::kFloat) parameters_[i].tensor.copy_(masters_[i]);
  }
}

}  // namespace meap
