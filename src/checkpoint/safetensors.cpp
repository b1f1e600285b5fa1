#include "checkpoint/safetensors.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <set>
#include <utility>

#include "core/error.h"

namespace meap {
namespace {

constexpr std::pair<StoredDType, at::ScalarType> kScalarTypes[] = {
    {StoredDType::kBool, at::kBool},
    {StoredDType::kU8, at::kByte},
    {StoredDType::kI8, at::kChar},
    {StoredDType::kF8E5M2, at::kFloat8_e5m2},
    {StoredDType::kF8E4M3, at::kFloat8_e4m3fn},
    {StoredDType::kI16, at::kShort},
    {StoredDType::kU16, at::kUInt16},
    {StoredDType::kF16, at::kHalf},
    {StoredDType::kBF16, at::kBFloat16},
    {StoredDType::kI32, at::kInt},
    {StoredDType::kU32, at::kUInt32},
    {StoredDType::kF32, at::kFloat},
    {StoredDType::kF64, at::kDouble},
    {StoredDType::kI64, at::kLong},
    {StoredDType::kU64, at::kUInt64},
};

constexpr int64_t kPieceElements = int64_t{1} << 23;  // converted at a time: 32 MiB of float32

// Writes a tensor's elements in row-major order as `dtype`, a piece at a time, so that neither a
// conversion nor a copy from a device ever doubles it.
void WriteTensor(AtomicFile& file, const StoredTensor& stored, const at::Tensor& tensor) {
  MEAP_CHECK(tensor.sizes() == at::IntArrayRef(stored.shape), stored.name);
  const at::Tensor flat = tensor.detach().contiguous().view({-1});
  for (int64_t begin = 0; begin < flat.numel(); begin += kPieceElements) {
    const int64_t count = std::min(kPieceElements, flat.numel() - begin);
    const at::Tensor piece = flat.narrow(0, begin, count)
                                 .to(at::TensorOptions(at::kCPU).dtype(ToScalarType(stored.dtype)))
                                 .contiguous();
    file.Write(piece.const_data_ptr(), piece.nbytes());
  }
}

}  // namespace

at::ScalarType ToScalarType(StoredDType dtype) {
  for (const auto& [stored, scalar] : kScalarTypes) {
    if (stored == dtype) return scalar;
  }
  MEAP_CHECK(false, "every stored element type is known to libtorch");
  return at::kFloat;
}

StoredDType ToStoredDType(at::ScalarType dtype) {
  for (const auto& [stored, scalar] : kScalarTypes) {
    if (scalar == dtype) return stored;
  }
  MEAP_CHECK(false, std::string("safetensors cannot hold ") + c10::toString(dtype));
  return StoredDType::kF32;
}

SafetensorsFile::SafetensorsFile(const fs::path& path)
    : file_(std::make_shared<MappedFile>(path)),
      header_(ParseSafetensorsHeader(file_->bytes(), path)) {
  for (size_t i = 0; i < header_.tensors.size(); ++i) index_[header_.tensors[i].name] = i;
}

const StoredTensor* SafetensorsFile::Find(const std::string& name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &header_.tensors[found->second];
}

std::span<const std::byte> SafetensorsFile::Bytes(const StoredTensor& tensor) const {
  return file_->bytes().subspan(tensor.begin, tensor.bytes());
}

at::Tensor SafetensorsFile::View(const StoredTensor& tensor) const {
  const std::span<const std::byte> bytes = Bytes(tensor);
  const auto options = at::TensorOptions(at::kCPU).dtype(ToScalarType(tensor.dtype));
  if (bytes.empty()) return at::empty(tensor.shape, options);
  auto* data = const_cast<std::byte*>(bytes.data());
  if (reinterpret_cast<uintptr_t>(data) % StoredDTypeBytes(tensor.dtype) == 0) {
    return at::from_blob(
        data, tensor.shape, [file = file_, bytes](void*) { file->Forget(bytes); }, options);
  }
  // A header of odd length leaves the elements unaligned: only then they are copied.
  at::Tensor copy = at::empty(tensor.shape, options);
  std::copy(bytes.begin(), bytes.end(), static_cast<std::byte*>(copy.mutable_data_ptr()));
  return copy;
}

TensorSource SourceOf(std::string name, const at::Tensor& tensor) {
  return SourceOf(std::move(name), tensor, ToStoredDType(tensor.scalar_type()));
}

TensorSource SourceOf(std::string name, const at::Tensor& tensor, StoredDType dtype) {
  return {
      .name = std::move(name), .shape = tensor.sizes().vec(), .dtype = dtype, .fetch = [tensor] {
        return tensor;
      }};
}

void SaveSafetensors(const fs::path& path, const std::vector<TensorSource>& sources,
                     const std::map<std::string, std::string>& metadata) {
  std::vector<StoredTensor> plan;
  std::unordered_map<std::string, const TensorSource*> by_name;
  for (const TensorSource& source : sources) {
    plan.push_back({.name = source.name, .dtype = source.dtype, .shape = source.shape});
    by_name[source.name] = &source;
  }
  SortForSafetensors(plan);
  AtomicFile file(path);
  file.Write(BuildSafetensorsHeader(plan, metadata));
  for (const StoredTensor& stored : plan) {
    WriteTensor(file, stored, by_name.at(stored.name)->fetch());
  }
  file.Commit();
}

}  // namespace meap
