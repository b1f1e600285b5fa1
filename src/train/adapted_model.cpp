#include "train/adapted_model.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "checkpoint/hf_folder.h"
#include "checkpoint/peft_folder.h"
#include "train/trained_model.h"

namespace meap {
namespace {

/// MEAP reads [MASK], whose row is new: it must be trained even where the rest is frozen.
int64_t TrainedRow(const ModelInputs& inputs, const Recipe& recipe) {
  return recipe.objective.name == "meap" ? inputs.mask_id : -1;
}

/// The weights of model.path with the adapters added and the trained rows in place, in f32.
Llama Merge(const AdaptedModel& adapted, const ModelInputs& inputs, const Recipe& recipe,
            const std::vector<at::Tensor>& masters) {
  const at::NoGradGuard no_grad;
  Llama merged(inputs.config, at::kFloat, at::kCPU);
  merged.Load(recipe.model.path, *inputs.stored);
  const double scale = LoraScale(recipe.lora);
  const Llama& model = adapted.model;
  for (size_t i = 0; i < model.adapted().size(); ++i) {
    const HfSlice& slice = model.adapted()[i];
    merged.parameters()[slice.parameter]
        .tensor.narrow(0, slice.row, slice.rows)
        .add_(LoraDelta(masters[2 * i], masters[2 * i + 1], scale).to(at::kCPU));
  }
  for (size_t i = 2 * model.adapted().size(); i < masters.size(); ++i) {
    const bool head = model.lora_parameters()[i].name == "lora.head_row";
    at::Tensor table = head ? merged.head() : merged.parameters().front().tensor;
    table.narrow(0, model.trained_row(), 1).copy_(masters[i]);
  }
  return merged;
}

/// What PEFT must know of the adapters, and their tensors under its names.
PeftAdapter MakePeftAdapter(const AdaptedModel& adapted, const Recipe& recipe,
                            const std::vector<at::Tensor>& masters) {
  const LoraOptions& lora = recipe.lora;
  PeftAdapter peft{.base_model = fs::absolute(recipe.model.path).lexically_normal().string(),
                   .rank = lora.rank,
                   .alpha = lora.alpha,
                   .dropout = lora.dropout,
                   .rslora = lora.rslora,
                   .target_modules = lora.target_modules};
  const Llama& model = adapted.model;
  const auto& slices = model.adapted();
  for (size_t i = 0; i < slices.size(); ++i) {
    constexpr size_t kWeight = std::string_view(".weight").size();
    const std::string module = slices[i].hf_name.substr(0, slices[i].hf_name.size() - kWeight);
    peft.tensors.push_back(SourceOf(module + ".lora_A.weight", masters[2 * i].detach()));
    peft.tensors.push_back(SourceOf(module + ".lora_B.weight", masters[2 * i + 1].detach()));
  }
  for (size_t i = 2 * slices.size(); i < masters.size(); ++i) {
    const bool head = model.lora_parameters()[i].name == "lora.head_row";
    const std::string module = head ? "lm_head" : "model.embed_tokens";
    peft.trained_rows.push_back({head ? "lm_head" : "embed_tokens", model.trained_row()});
    peft.tensors.push_back(
        SourceOf(module + ".token_adapter.trainable_tokens_delta", masters[i].detach()));
  }
  return peft;
}

}  // namespace

AdaptedModel MakeAdaptedModel(const ModelInputs& inputs, const Recipe& recipe, at::Device device,
                              at::ScalarType dtype) {
  const auto seed = static_cast<uint64_t>(recipe.train.seed);
  if (recipe.lora.rank == 0) {
    TrainedModel whole = MakeTrainedModel(
        inputs.config, {.folder = recipe.model.path, .stored = inputs.stored, .seed = seed}, device,
        dtype);
    return {std::move(whole.model), std::move(whole.masters)};
  }
  AdaptedModel adapted{.model = Llama(inputs.config, dtype, device), .masters = {}};
  adapted.model.Load(recipe.model.path, *inputs.stored);
  adapted.model.AddLora(recipe.lora, seed, TrainedRow(inputs, recipe));
  for (const Parameter& parameter : adapted.model.lora_parameters()) {
    adapted.masters.push_back(parameter.tensor.detach().to(at::kFloat));
  }
  return adapted;
}

const std::vector<Parameter>& Trained(const AdaptedModel& adapted) {
  const auto& lora = adapted.model.lora_parameters();
  return lora.empty() ? adapted.model.parameters() : lora;
}

int64_t TrainedParameters(const LlamaConfig& config, const Recipe& recipe) {
  if (recipe.lora.rank == 0) return -1;
  int64_t count = recipe.objective.name == "meap"
                      ? config.hidden_size * (config.tie_word_embeddings ? 1 : 2)
                      : 0;
  for (const ExpectedTensor& tensor : HfTensors(config)) {
    if (!IsLoraTarget(tensor.name, recipe.lora)) continue;
    count += recipe.lora.rank * (tensor.shape[0] + tensor.shape[1]);
  }
  return count;
}

void ExportAdaptedModel(const AdaptedModel& adapted, const ModelInputs& inputs,
                        const Recipe& recipe, const std::vector<at::Tensor>& masters,
                        const fs::path& folder) {
  const auto write_tokenizer = [&](const fs::path& to) { inputs.tokenizer->Save(to); };
  if (recipe.lora.rank > 0 && recipe.lora.export_as == "adapter") {
    SavePeftFolder(folder, MakePeftAdapter(adapted, recipe, masters), write_tokenizer);
    return;
  }
  const HfFolderOptions options{.write_tokenizer = write_tokenizer};
  if (recipe.lora.rank == 0) {
    SaveHfFolder(folder, inputs.config, adapted.model.HfSources(masters), options);
    return;
  }
  const Llama merged = Merge(adapted, inputs, recipe, masters);
  std::vector<at::Tensor> weights;
  for (const Parameter& parameter : merged.parameters()) weights.push_back(parameter.tensor);
  SaveHfFolder(folder, inputs.config, merged.HfSources(weights), options);
}

}  // namespace meap
