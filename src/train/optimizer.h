// AdamW over trained parameters, with f32 master weights whatever the model computes in.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <vector>

#include "checkpoint/train_state.h"
#include "config/recipe.h"
#include "model/llama.h"

namespace meap {

class Optimizer {
 public:
  /// `parameters` are those that are trained: a model's own, or a few beside it. `masters` are
  /// their f32 weights. Where the model computes in f32 they are the same tensors; else the model's
  /// are copies that every update rewrites. While the optimizer lives, every gradient that a
  /// backward pass makes for them is taken off the parameter as soon as it is whole and added to
  /// the optimizer's own sum, in f32: no second set of gradients is ever held.
  Optimizer(std::vector<Parameter> parameters, std::vector<at::Tensor> masters,
            const OptimizerOptions& options);
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;
  ~Optimizer();

  /// Norm of the gradients summed since the last update.
  double GradientNorm() const;
  /// Clips the sum of the gradients, whose norm is `norm`, to options.grad_clip, updates every
  /// weight at learning rate `lr`, and forgets the gradients. `step` counts from 1.
  void Update(int64_t step, double lr, double norm);
  /// Forgets the gradients without an update.
  void Discard();
  /// Name of a trained tensor with a number that is not finite: "weight X", else "gradient of X",
  /// else empty.
  std::string FirstNonFinite() const;

  const std::vector<at::Tensor>& masters() const { return masters_; }
  /// Adds weights and moments to a checkpoint, and takes them back from one.
  void Save(TrainState& state) const;
  void Restore(const LoadedState& state);

 private:
  class GradientTaker;

  std::vector<Parameter> parameters_;
  std::vector<at::Tensor> masters_;
  std::vector<at::Tensor> m_;
  std::vector<at::Tensor> v_;
  std::vector<at::Tensor> grads_;
  OptimizerOptions options_;
};

}  // namespace meap
