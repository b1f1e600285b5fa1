// AdamW over trained parameters, with f32 master weights whatever the model computes in.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "checkpoint/train_state.h"
#include "config/recipe.h"
#include "model/llama.h"

namespace meap {

class Optimizer {
 public:
  /// `parameters` are those that are trained: a model's own, or a few beside it. `masters` are
  /// their f32 weights. Where the model computes in f32 they are the same tensors; else the model's
  /// are copies that every update rewrites.
  Optimizer(std::vector<Parameter> parameters, std::vector<at::Tensor> masters,
            const OptimizerOptions& options);

  /// Takes the gradients of a micro-batch off the parameters and adds them up in f32.
  void Accumulate();
  /// Clips the sum of the gradients to options.grad_clip, updates every weight at learning rate
  /// `lr`, and forgets the gradients. `step` counts from 1. Returns the norm before clipping; when
  /// that is not finite, nothing is updated.
  double Update(int64_t step, double lr);

  const std::vector<at::Tensor>& masters() const { return masters_; }
  /// Adds weights and moments to a checkpoint, and takes them back from one.
  void Save(TrainState& state) const;
  void Restore(const LoadedState& state);

 private:
  std::vector<Parameter> parameters_;
  std::vector<at::Tensor> masters_;
  std::vector<at::Tensor> m_;
  std::vector<at::Tensor> v_;
  std::vector<at::Tensor> grads_;
  OptimizerOptions options_;
};

}  // namespace meap
