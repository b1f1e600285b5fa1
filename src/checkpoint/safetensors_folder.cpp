#include <ATen/ATen.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "checkpoint/json_fields.h"
#include "checkpoint/safetensors.h"
#include "core/error.h"

namespace meap {
namespace {

constexpr char kSingle[] = "model.safetensors";
constexpr char kIndex[] = "model.safetensors.index.json";

uint64_t BytesOf(const TensorSource& source) {
  uint64_t bytes = static_cast<uint64_t>(StoredDTypeBytes(source.dtype));
  for (const int64_t extent : source.shape) bytes *= static_cast<uint64_t>(extent);
  return bytes;
}

// Greedy, in the given order: a shard is closed when the next tensor would not fit.
std::vector<std::vector<TensorSource>> SplitIntoShards(const std::vector<TensorSource>& sources,
                                                       uint64_t max_shard_bytes) {
  std::vector<std::vector<TensorSource>> shards(1);
  uint64_t used = 0;
  for (const TensorSource& source : sources) {
    const uint64_t bytes = BytesOf(source);
    if (used + bytes > max_shard_bytes && !shards.back().empty()) {
      shards.emplace_back();
      used = 0;
    }
    shards.back().push_back(source);
    used += bytes;
  }
  return shards;
}

std::string ShardName(size_t number, size_t count) {
  char name[64];
  std::snprintf(name, sizeof name, "model-%05zu-of-%05zu.safetensors", number, count);
  return name;
}

[[noreturn]] void NoWeights(const fs::path& folder) {
  const bool pickled = fs::exists(folder / "pytorch_model.bin") ||
                       fs::exists(folder / "pytorch_model.bin.index.json");
  throw InputError(
      {.what = "no weights in the model folder",
       .where = folder.string(),
       .expected = std::string(kSingle) + " or " + kIndex + " with its shards",
       .got = pickled ? "pytorch_model.bin, a pickle" : "neither",
       .hint = pickled
                   ? "convert it with transformers: AutoModelForCausalLM.from_pretrained(FOLDER)"
                     ".save_pretrained(NEW_FOLDER)"
                   : "check that the path names a Hugging Face model folder"});
}

// The index: which shard holds which tensor. Shards are plain names beside the index.
std::map<std::string, std::string> ReadIndex(const fs::path& path) {
  const nlohmann::json index = ParseJsonObject(ReadFile(path, "weight index"), path.string());
  const JsonFields fields(index, path.string());
  const nlohmann::json* entries = fields.Find("weight_map");
  if (entries == nullptr || !entries->is_object()) {
    fields.Fail("weight_map", "an object of tensor names and shard files");
  }
  std::map<std::string, std::string> shards;
  for (const auto& [tensor, shard] : entries->items()) {
    const std::string name = shard.is_string() ? shard.get<std::string>() : "";
    if (name.empty() || name == ".." || name.find('/') != std::string::npos) {
      JsonFields(*entries, path.string(), "weight_map.")
          .Fail(tensor, "the name of a file in the same folder");
    }
    shards[tensor] = name;
  }
  return shards;
}

}  // namespace

void SaveSafetensorsFolder(const fs::path& folder, const std::vector<TensorSource>& sources,
                           uint64_t max_shard_bytes) {
  const std::vector<std::vector<TensorSource>> shards = SplitIntoShards(sources, max_shard_bytes);
  if (shards.size() == 1) return SaveSafetensors(folder / kSingle, sources);
  std::map<std::string, std::string> weight_map;
  uint64_t total = 0;
  for (size_t i = 0; i < shards.size(); ++i) {
    const std::string name = ShardName(i + 1, shards.size());
    SaveSafetensors(folder / name, shards[i]);
    for (const TensorSource& source : shards[i]) {
      weight_map[source.name] = name;
      total += BytesOf(source);
    }
  }
  const nlohmann::ordered_json index = {{"metadata", {{"total_size", total}}},
                                        {"weight_map", weight_map}};
  WriteFileAtomically(folder / kIndex, index.dump(2) + "\n");
}

SafetensorsFolder::SafetensorsFolder(const fs::path& folder) : path_(folder) {
  if (fs::exists(folder / kSingle)) {
    Add(folder / kSingle);
    return;
  }
  if (!fs::exists(folder / kIndex)) NoWeights(folder);
  const std::map<std::string, std::string> shards = ReadIndex(folder / kIndex);
  std::set<std::string> names;
  for (const auto& [tensor, shard] : shards) names.insert(shard);
  for (const std::string& name : names) {
    if (!fs::exists(folder / name)) {
      throw InputError({.what = "a shard of the weights is missing",
                        .where = (folder / name).string(),
                        .expected = "every file that " + std::string(kIndex) + " names",
                        .got = "no such file",
                        .hint = "download it again"});
    }
    Add(folder / name);
  }
  for (const auto& [tensor, shard] : shards) {
    const auto found = entries_.find(tensor);
    const bool there =
        found != entries_.end() && found->second.file->path().filename() == fs::path(shard);
    if (!there) {
      throw InputError({.what = "a tensor is not where the index says",
                        .where = (folder / kIndex).string() + ", tensor " + tensor,
                        .expected = "it in " + shard,
                        .got = found == entries_.end()
                                   ? "no such tensor in any shard"
                                   : "it in " + found->second.file->path().filename().string(),
                        .hint = "the folder mixes files of different models; download it again"});
    }
  }
}

void SafetensorsFolder::Add(const fs::path& path) {
  files_.push_back(std::make_unique<SafetensorsFile>(path));
  for (const StoredTensor& tensor : files_.back()->tensors()) {
    const auto [entry, is_new] = entries_.insert({tensor.name, {files_.back().get(), &tensor}});
    if (!is_new) {
      throw InputError({.what = "a tensor is in two shards",
                        .where = path.string() + ", tensor " + tensor.name,
                        .expected = "each tensor once",
                        .got = "it in " + entry->second.file->path().string() + " as well",
                        .hint = "the folder mixes files of different models; download it again"});
    }
  }
}

}  // namespace meap
