#include "checkpoint/hf_folder.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "core/error.h"
#include "core/strings.h"

namespace meap {
namespace {

constexpr char kEmbedding[] = "model.embed_tokens.weight";
constexpr char kHead[] = "lm_head.weight";

void AppendLayer(const LlamaConfig& config, int64_t layer, std::vector<ExpectedTensor>& tensors) {
  const std::string prefix = "model.layers." + std::to_string(layer) + ".";
  const int64_t width = config.hidden_size;
  const int64_t inner = config.intermediate_size;
  const int64_t query = config.num_attention_heads * config.head_dim;
  const int64_t key = config.num_key_value_heads * config.head_dim;
  const auto linear = [&](const char* name, int64_t out, int64_t in, bool bias) {
    tensors.push_back({prefix + name + ".weight", {out, in}});
    if (bias) tensors.push_back({prefix + name + ".bias", {out}});
  };
  tensors.push_back({prefix + "input_layernorm.weight", {width}});
  linear("self_attn.q_proj", query, width, config.attention_bias);
  linear("self_attn.k_proj", key, width, config.attention_bias);
  linear("self_attn.v_proj", key, width, config.attention_bias);
  linear("self_attn.o_proj", width, query, config.attention_bias && config.attention_output_bias);
  if (config.qk_norm) {
    tensors.push_back({prefix + "self_attn.q_norm.weight", {config.head_dim}});
    tensors.push_back({prefix + "self_attn.k_norm.weight", {config.head_dim}});
  }
  tensors.push_back({prefix + "post_attention_layernorm.weight", {width}});
  linear("mlp.gate_proj", inner, width, config.mlp_bias);
  linear("mlp.up_proj", inner, width, config.mlp_bias);
  linear("mlp.down_proj", width, inner, config.mlp_bias);
}

std::string CanonicalName(const std::string& name) {
  return name.starts_with("model.") || name.starts_with("lm_head.") ? name : "model." + name;
}

std::string Describe(const StoredTensor& tensor) {
  return std::string(StoredDTypeName(tensor.dtype)) + " " + ShapeText(tensor.shape);
}

bool IsPlainFloat(StoredDType dtype) {
  return dtype == StoredDType::kF32 || dtype == StoredDType::kBF16 || dtype == StoredDType::kF16 ||
         dtype == StoredDType::kF64;
}

// The stored tensors by canonical name, without those that carry no weight.
std::map<std::string, SafetensorsFolder::Entry> Weights(const SafetensorsFolder& stored) {
  std::map<std::string, SafetensorsFolder::Entry> weights;
  for (const auto& [name, entry] : stored.entries()) {
    if (name.ends_with("rotary_emb.inv_freq")) continue;
    if (!weights.insert({CanonicalName(name), entry}).second) {
      throw InputError({.what = "a weight is stored twice",
                        .where = entry.file->path().string() + ", tensor " + name,
                        .expected = "it either with or without the prefix \"model.\"",
                        .got = "both"});
    }
  }
  return weights;
}

// transformers' versions disagree on what a tied model with a head of its own means: only an equal
// one can be left out.
void CheckTiedHead(const SafetensorsFolder::Entry& head,
                   const SafetensorsFolder::Entry& embedding) {
  const auto head_bytes = head.file->Bytes(*head.tensor);
  const auto embedding_bytes = embedding.file->Bytes(*embedding.tensor);
  if (head.tensor->dtype == embedding.tensor->dtype &&
      head.tensor->shape == embedding.tensor->shape &&
      std::memcmp(head_bytes.data(), embedding_bytes.data(), head_bytes.size()) == 0) {
    return;
  }
  throw InputError(
      {.what = "the model is tied but has a head of its own",
       .where = head.file->path().string() + ", tensor " + kHead,
       .expected = std::string("no such tensor, or one equal to ") + kEmbedding,
       .got = Describe(*head.tensor) + " with other values",
       .hint = "set tie_word_embeddings to false in config.json if the head is meant"});
}

[[noreturn]] void Missing(const fs::path& folder, const std::vector<ExpectedTensor>& missing) {
  std::vector<std::string> names;
  for (size_t i = 0; i < missing.size() && i < 4; ++i) names.push_back(missing[i].name);
  if (missing.size() > names.size()) {
    names.push_back("and " + std::to_string(missing.size() - names.size()) + " more");
  }
  throw InputError(
      {.what = "weights are missing: " + Join(names, ", "),
       .where = folder.string() + ", tensor " + missing.front().name,
       .expected = "shape " + ShapeText(missing.front().shape),
       .got = "no such tensor",
       .hint = missing.front().name == kHead
                   ? "if the model shares its head with the embedding, config.json must say "
                     "\"tie_word_embeddings\": true"
                   : "check that config.json belongs to these weights: its model_type, "
                     "num_hidden_layers, attention_bias and mlp_bias"});
}

[[noreturn]] void WrongTensor(const SafetensorsFolder::Entry& entry, std::string what,
                              std::string expected, std::string hint) {
  throw InputError({.what = std::move(what),
                    .where = entry.file->path().string() + ", tensor " + entry.tensor->name +
                             ", byte " + std::to_string(entry.tensor->begin),
                    .expected = std::move(expected),
                    .got = Describe(*entry.tensor),
                    .hint = std::move(hint)});
}

std::string_view TorchDtypeName(StoredDType dtype) {
  if (dtype == StoredDType::kBF16) return "bfloat16";
  return dtype == StoredDType::kF16 ? "float16" : "float32";
}

}  // namespace

std::vector<ExpectedTensor> HfTensors(const LlamaConfig& config) {
  std::vector<ExpectedTensor> tensors;
  tensors.push_back({kEmbedding, {config.vocab_size, config.hidden_size}});
  for (int64_t layer = 0; layer < config.num_hidden_layers; ++layer) {
    AppendLayer(config, layer, tensors);
  }
  tensors.push_back({"model.norm.weight", {config.hidden_size}});
  if (!config.tie_word_embeddings) {
    tensors.push_back({kHead, {config.vocab_size, config.hidden_size}});
  }
  return tensors;
}

at::ScalarType HfBlockDtype(const fs::path& folder) {
  const SafetensorsFolder stored(folder);
  std::optional<StoredDType> common;
  for (const auto& [name, entry] : Weights(stored)) {
    if (!name.starts_with("model.layers.")) continue;
    if (common.value_or(entry.tensor->dtype) != entry.tensor->dtype) return at::kFloat;
    common = entry.tensor->dtype;
  }
  return common && IsPlainFloat(*common) ? ToScalarType(*common) : at::kFloat;
}

std::map<std::string, at::Tensor> LoadHfWeights(const fs::path& folder, const LlamaConfig& config) {
  const SafetensorsFolder stored(folder);
  std::map<std::string, SafetensorsFolder::Entry> weights = Weights(stored);
  if (config.tie_word_embeddings && weights.contains(kHead) && weights.contains(kEmbedding)) {
    CheckTiedHead(weights.at(kHead), weights.at(kEmbedding));
    weights.erase(kHead);
  }
  std::map<std::string, at::Tensor> tensors;
  std::vector<ExpectedTensor> missing;
  for (const ExpectedTensor& expected : HfTensors(config)) {
    const auto found = weights.find(expected.name);
    if (found == weights.end()) {
      missing.push_back(expected);
      continue;
    }
    const SafetensorsFolder::Entry entry = found->second;
    if (entry.tensor->shape != expected.shape) {
      WrongTensor(entry, "a weight has another shape than config.json says",
                  "shape " + ShapeText(expected.shape),
                  "check that config.json belongs to these weights");
    }
    if (!IsPlainFloat(entry.tensor->dtype)) {
      WrongTensor(entry, "a weight is not stored as floating point", "F32, BF16 or F16",
                  "take weights that are not quantised");
    }
    tensors[expected.name] = entry.View();
    weights.erase(found);
  }
  if (!missing.empty()) Missing(folder, missing);
  if (!weights.empty()) {
    const SafetensorsFolder::Entry entry = weights.begin()->second;
    WrongTensor(entry,
                "unexpected weight" +
                    (weights.size() == 1 ? std::string()
                                         : " and " + std::to_string(weights.size() - 1) + " more"),
                "only the tensors that a model of this config.json has",
                "check model_type, num_hidden_layers, attention_bias and mlp_bias in config.json");
  }
  return tensors;
}

std::string HashHfFolder(const fs::path& folder) {
  constexpr size_t kBeginning = 4096;
  std::string text = ReadFile(folder / "config.json", "model configuration");
  const SafetensorsFolder stored(folder);
  for (const auto& [name, entry] : stored.entries()) {
    const std::span<const std::byte> bytes = entry.file->Bytes(*entry.tensor);
    text += name + " " + Describe(*entry.tensor) + " " +
            HashHex(bytes.data(), std::min(bytes.size(), kBeginning)) + "\n";
  }
  return HashHex(text.data(), text.size());
}

void SaveHfFolder(const fs::path& folder, const LlamaConfig& config,
                  std::vector<TensorSource> sources, const HfFolderOptions& options) {
  std::map<std::string, TensorSource> by_name;
  for (TensorSource& source : sources) by_name[source.name] = std::move(source);
  std::vector<TensorSource> ordered;
  for (const ExpectedTensor& expected : HfTensors(config)) {
    const auto found = by_name.find(expected.name);
    MEAP_CHECK(found != by_name.end() && found->second.shape == expected.shape, expected.name);
    found->second.dtype = options.dtype;
    ordered.push_back(std::move(found->second));
  }
  MEAP_CHECK(ordered.size() == sources.size(), "only the model's own tensors are saved");
  LlamaConfig written = config;
  written.torch_dtype = TorchDtypeName(options.dtype);

  AtomicDirectory building(folder);
  WriteFileAtomically(building.temporary() / "config.json", HfConfigJson(written));
  WriteFileAtomically(building.temporary() / "generation_config.json",
                      GenerationConfigJson(written));
  SaveSafetensorsFolder(building.temporary(), ordered, options.max_shard_bytes);
  if (options.write_tokenizer) options.write_tokenizer(building.temporary());
  building.Commit();
}

}  // namespace meap
