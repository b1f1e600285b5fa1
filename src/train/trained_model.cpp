#include "train/trained_model.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

namespace meap {

TrainedModel MakeTrainedModel(const LlamaConfig& config, const WeightSource& source,
                              at::Device device, at::ScalarType dtype) {
  const at::NoGradGuard no_grad;
  Llama wide(config, at::kFloat, at::kCPU);
  if (source.stored) {
    wide.Load(source.folder, *source.stored);
  } else {
    wide.Initialize(source.seed);
  }
  TrainedModel made{.model = Llama(config, dtype, device), .masters = {}};
  for (size_t i = 0; i < made.model.parameters().size(); ++i) {
    at::Tensor parameter = made.model.parameters()[i].tensor;
    const at::Tensor& drawn = wide.parameters()[i].tensor;
    parameter.copy_(drawn);
    made.masters.push_back(dtype == at::kFloat ? parameter.detach() : drawn.to(device));
    parameter.requires_grad_(true);
  }
  return made;
}

Recomputed ReadRecomputed(const TrainOptions& options) {
  if (options.recompute == "mlp") return Recomputed::kMlp;
  return options.recompute == "block" ? Recomputed::kBlock : Recomputed::kNone;
}

}  // namespace meap
