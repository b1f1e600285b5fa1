// LoRA adapters as the folder that PEFT's PeftModel.from_pretrained reads.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "checkpoint/safetensors.h"
#include "core/files.h"

namespace meap {

/// The one row of a table that is trained beside the adapters.
struct PeftTrainedRow {
  std::string module;  // "embed_tokens", "lm_head"
  int64_t row = 0;
};

struct PeftAdapter {
  std::string base_model;  // folder of the model that it adapts
  int64_t rank = 0;
  double alpha = 0;
  double dropout = 0;
  bool rslora = false;
  std::vector<std::string> target_modules = {};
  std::vector<PeftTrainedRow> trained_rows = {};  // of a tied model that of the embedding alone
  /// By their names in the base model: "model.layers.0.self_attn.q_proj.lora_A.weight",
  /// "model.embed_tokens.token_adapter.trainable_tokens_delta" (the whole row, in spite of the
  /// name).
  std::vector<TensorSource> tensors = {};
};

/// Writes adapter_config.json, adapter_model.safetensors and the tokenizer's files, and publishes
/// the folder whole. The tokenizer tells AutoPeftModelForCausalLM to give the base model the row of
/// [MASK]; the adapter fills it (peft 0.15 and later).
void SavePeftFolder(const fs::path& folder, const PeftAdapter& adapter,
                    const std::function<void(const fs::path&)>& write_tokenizer);

}  // namespace meap
