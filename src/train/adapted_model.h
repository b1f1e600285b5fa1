// The model of a fine-tuning run: all of its weights trained, or adapters beside them (LoRA); and
// what becomes of it when the run is done.
#pragma once

#include <vector>

#include "config/recipe.h"
#include "core/files.h"
#include "model/llama.h"
#include "train/model_inputs.h"

namespace meap {

/// A model with the f32 masters of what is trained: Trained() of it.
struct AdaptedModel {
  Llama model;
  std::vector<at::Tensor> masters;
};

/// The model of recipe.model.path in `dtype`. With LoRA its weights are frozen as they are, and
/// MEAP trains [MASK]'s row of the embedding and the head besides the adapters.
AdaptedModel MakeAdaptedModel(const ModelInputs& inputs, const Recipe& recipe, at::Device device,
                              at::ScalarType dtype);

/// The adapters and rows, or without LoRA every parameter.
const std::vector<Parameter>& Trained(const AdaptedModel& adapted);

/// How many numbers that is, before there is a model.
int64_t TrainedParameters(const LlamaConfig& config, const Recipe& recipe);

/// Writes the finished model: a Hugging Face folder, or with lora.export adapter a PEFT folder.
void ExportAdaptedModel(const AdaptedModel& adapted, const ModelInputs& inputs,
                        const Recipe& recipe, const std::vector<at::Tensor>& masters,
                        const fs::path& folder);

}  // namespace meap
