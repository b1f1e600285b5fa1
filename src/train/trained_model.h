// The model of a run with its first weights: fresh or from a Hugging Face folder.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/recipe.h"
#include "model/llama.h"

namespace meap {

/// Where the first weights come from.
struct WeightSource {
  std::string folder = {};                 // a Hugging Face folder, or empty: drawn
  std::optional<LlamaConfig> stored = {};  // shape of what the folder holds
  uint64_t seed = 0;                       // of fresh weights
};

/// A model whose every parameter is trained, in the dtype it computes in, and its f32 masters: the
/// parameters themselves where that is f32, else tensors of their own.
struct TrainedModel {
  Llama model;
  std::vector<at::Tensor> masters;
};

/// Draws or loads the weights in f32 and gives the model its copies of them.
TrainedModel MakeTrainedModel(const LlamaConfig& config, const WeightSource& source,
                              at::Device device, at::ScalarType dtype);

/// What train.recompute names.
Recomputed ReadRecomputed(const TrainOptions& options);

}  // namespace meap
