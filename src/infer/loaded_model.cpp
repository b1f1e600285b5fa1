#include "infer/loaded_model.h"

#include <algorithm>
#include <optional>

#include "checkpoint/hf_folder.h"
#include "core/error.h"
#include "model/device.h"

namespace meap {

LoadedModel LoadModel(const fs::path& folder, const std::string& device_name,
                      const std::string& dtype_name, const LoadOptions& options) {
  const at::Device device = ParseDevice(device_name, "--device");
  const at::ScalarType dtype = ParseDtype(dtype_name, device, "--dtype");
  const LlamaConfig config = ReadHfConfig(folder);
  Tokenizer tokenizer = Tokenizer::Load(folder);
  if (tokenizer.VocabSize() > config.vocab_size) {
    throw InputError({.what = "the tokenizer does not fit the model",
                      .where = folder.string(),
                      .expected = "at most " + std::to_string(config.vocab_size) +
                                  " tokens, the model's vocab_size",
                      .got = std::to_string(tokenizer.VocabSize()) + " tokens",
                      .hint = "put the tokenizer files of this very model into the folder"});
  }
  LlamaConfig grown = config;
  if (options.needs_mask) {
    tokenizer.AddMaskToken();
    grown.vocab_size = std::max<int64_t>(config.vocab_size, tokenizer.VocabSize());
  }
  std::optional<at::ScalarType> matrix_dtype;
  if (options.keeps_narrow) {
    const at::ScalarType stored = HfBlockDtype(folder);
    if (c10::elementSize(stored) < c10::elementSize(dtype)) matrix_dtype = stored;
  }
  Llama model(grown, dtype, device, matrix_dtype);
  model.Load(folder, config);
  return {std::move(tokenizer), std::move(model), device};
}

void ThrowNotFinite() {
  throw WorkError({.what = "the model's logits are not finite",
                   .expected = "numbers",
                   .hint =
                       "its weights are broken, or overflow in this dtype: try --dtype f32, and "
                       "see whether the run that it is from ended well"});
}

}  // namespace meap
