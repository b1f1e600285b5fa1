#include "checkpoint/peft_folder.h"

#include <nlohmann/json.hpp>

namespace meap {
namespace {

std::string ConfigJson(const PeftAdapter& adapter) {
  nlohmann::ordered_json config = {{"peft_type", "LORA"},
                                   {"task_type", "CAUSAL_LM"},
                                   {"base_model_name_or_path", adapter.base_model},
                                   {"r", adapter.rank},
                                   {"lora_alpha", adapter.alpha},
                                   {"lora_dropout", adapter.dropout},
                                   {"use_rslora", adapter.rslora},
                                   {"target_modules", adapter.target_modules},
                                   {"bias", "none"},
                                   {"fan_in_fan_out", false},
                                   {"inference_mode", true}};
  for (const PeftTrainedRow& trained : adapter.trained_rows) {
    config["trainable_token_indices"][trained.module] = {trained.row};
  }
  return config.dump(2) + "\n";
}

}  // namespace

void SavePeftFolder(const fs::path& folder, const PeftAdapter& adapter,
                    const std::function<void(const fs::path&)>& write_tokenizer) {
  std::vector<TensorSource> tensors = adapter.tensors;
  for (TensorSource& tensor : tensors) tensor.name = "base_model.model." + tensor.name;
  AtomicDirectory building(folder);
  WriteFileAtomically(building.temporary() / "adapter_config.json", ConfigJson(adapter));
  SaveSafetensors(building.temporary() / "adapter_model.safetensors", tensors);
  write_tokenizer(building.temporary());
  building.Commit();
}

}  // namespace meap
