// Activations that are made again in the backward pass instead of being kept (Chen et al., 2016).
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

namespace meap {

/// A differentiable piece of a model: tensors to tensors. Weights that it captures get their
/// gradients as usual.
using ModelPart = std::function<std::vector<at::Tensor>(const std::vector<at::Tensor>&)>;

/// part(inputs), of which only the inputs are kept: the backward pass runs `part` once more, so
/// that what it captures must live until then, and so that it must give the same results each time.
/// Where no gradient is wanted this is a plain call.
std::vector<at::Tensor> Recompute(ModelPart part, const std::vector<at::Tensor>& inputs);

}  // namespace meap
