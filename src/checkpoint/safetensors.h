// Tensors in safetensors files: mapped reading, streamed writing, one file or a sharded folder.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "checkpoint/safetensors_header.h"

namespace meap {

/// libtorch's element type for a stored one, and back. An element type that the format lacks (or
/// libtorch) is a broken invariant.
at::ScalarType ToScalarType(StoredDType dtype);
StoredDType ToStoredDType(at::ScalarType dtype);

/// One file, mapped. Tensors it hands out share the map and keep it alive.
class SafetensorsFile {
 public:
  /// InputError for a missing or damaged file (see ParseSafetensorsHeader).
  explicit SafetensorsFile(const fs::path& path);

  const std::vector<StoredTensor>& tensors() const { return header_.tensors; }
  const std::map<std::string, std::string>& metadata() const { return header_.metadata; }
  const MappedFile& file() const { return *file_; }
  const fs::path& path() const { return file_->path(); }
  /// nullptr when the file has no such tensor.
  const StoredTensor* Find(const std::string& name) const;
  std::span<const std::byte> Bytes(const StoredTensor& tensor) const;
  /// The tensor on the CPU with its stored dtype. READ-ONLY: where alignment allows, it is the
  /// mapped file itself, and a write to it kills the process. Clone or convert before changing it.
  /// When the tensor goes, its pages leave memory.
  at::Tensor View(const StoredTensor& tensor) const;

 private:
  std::shared_ptr<MappedFile> file_;
  SafetensorsHeader header_;
  std::unordered_map<std::string, size_t> index_;
};

/// A tensor to be written: `fetch` is called once, when its turn comes, and its result (any device
/// and dtype, the given shape) is converted piecewise. So a file larger than memory can be written.
struct TensorSource {
  std::string name;
  std::vector<int64_t> shape;
  StoredDType dtype = StoredDType::kF32;
  std::function<at::Tensor()> fetch;
};

/// A source for a tensor at hand, which it shares; written with its own dtype or another one.
TensorSource SourceOf(std::string name, const at::Tensor& tensor);
TensorSource SourceOf(std::string name, const at::Tensor& tensor, StoredDType dtype);

/// Writes one file atomically. Order and bytes depend on names, dtypes, shapes and values alone,
/// and are those of the reference implementation. Disk full: WorkError, nothing left behind.
void SaveSafetensors(const fs::path& path, const std::vector<TensorSource>& sources,
                     const std::map<std::string, std::string>& metadata = {{"format", "pt"}});

inline constexpr uint64_t kMaxShardBytes = 5'000'000'000;

/// Writes folder/model.safetensors, or above `max_shard_bytes` of data model-0000i-of-0000n
/// .safetensors in the given order with model.safetensors.index.json. The folder must exist.
void SaveSafetensorsFolder(const fs::path& folder, const std::vector<TensorSource>& sources,
                           uint64_t max_shard_bytes = kMaxShardBytes);

/// The weights of a Hugging Face folder, whichever of the two forms it has.
class SafetensorsFolder {
 public:
  /// InputError when there are no safetensors weights, or a shard is missing, damaged, or does not
  /// hold what the index says.
  explicit SafetensorsFolder(const fs::path& folder);

  /// Every tensor by name, and the file that holds it.
  struct Entry {
    const SafetensorsFile* file;
    const StoredTensor* tensor;
    at::Tensor View() const { return file->View(*tensor); }
  };
  const std::map<std::string, Entry>& entries() const { return entries_; }
  const fs::path& path() const { return path_; }

 private:
  void Add(const fs::path& file);

  fs::path path_;
  std::vector<std::unique_ptr<SafetensorsFile>> files_;
  std::map<std::string, Entry> entries_;
};

}  // namespace meap
