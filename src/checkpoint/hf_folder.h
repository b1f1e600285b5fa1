// A Llama model as a Hugging Face folder: what tensors it must hold, loading and saving it.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "checkpoint/hf_config.h"
#include "checkpoint/safetensors.h"

namespace meap {

/// A tensor a model of some configuration has, under transformers' name.
struct ExpectedTensor {
  std::string name;
  std::vector<int64_t> shape;
};

/// Every tensor of the model in its own order, lm_head.weight last and only when it is not tied.
std::vector<ExpectedTensor> HfTensors(const LlamaConfig& config);

/// The weights by transformers' names, exactly those of HfTensors, each in the dtype it is stored
/// in, on the CPU. READ-ONLY views of the mapped files (see SafetensorsFile::View): copy them into
/// parameters. Names may lack the "model." prefix; rotary_emb.inv_freq is ignored, and so is a tied
/// lm_head.weight that equals the embedding. Anything missing, unexpected, of another shape or not
/// floating point is an InputError with the tensor's name and both shapes.
std::map<std::string, at::Tensor> LoadHfWeights(const fs::path& folder, const LlamaConfig& config);

/// The dtype of all the blocks' weights, f32 where they differ. InputError where there are none.
at::ScalarType HfBlockDtype(const fs::path& folder);

/// What goes into a folder besides what follows from the configuration.
struct HfFolderOptions {
  StoredDType dtype = StoredDType::kF32;
  /// Writes the tokenizer's files into the folder it is given; may be empty.
  std::function<void(const fs::path&)> write_tokenizer = {};
  uint64_t max_shard_bytes = kMaxShardBytes;
};

/// 16 hexadecimal digits for the model in a folder: of its config.json, of the names and shapes of
/// its tensors and of how each begins. What another training has made of the weights shows, and a
/// folder of any size takes a moment.
std::string HashHfFolder(const fs::path& folder);

/// Writes config.json, generation_config.json, the weights and the tokenizer's files, and publishes
/// the folder whole; an older one at `folder` is replaced. `sources` must be the tensors of
/// HfTensors(config) in any order; their own `dtype` is overridden. The same input gives the same
/// bytes. Disk full: WorkError, the older folder stays.
void SaveHfFolder(const fs::path& folder, const LlamaConfig& config,
                  std::vector<TensorSource> sources, const HfFolderOptions& options);

}  // namespace meap
