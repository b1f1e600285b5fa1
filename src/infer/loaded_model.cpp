#include "infer/loaded_model.h"

#include <algorithm>

#include "core/error.h"
#include "model/device.h"

namespace meap {

LoadedModel LoadModel(const fs::path& folder, const std::string& device_name,
                      const std::string& dtype_name, bool needs_mask) {
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
  if (needs_mask) {
    tokenizer.AddMaskToken();
    grown.vocab_size = std::max<int64_t>(config.vocab_size, tokenizer.VocabSize());
  }
  Llama model(grown, dtype, device);
  model.Load(folder, config);
  return {std::move(tokenizer), std::move(model), device};
}

}  // namespace meap
