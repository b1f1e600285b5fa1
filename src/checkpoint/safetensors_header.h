// The header of a safetensors file: bytes in, checked descriptions out, and back. No libtorch here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/files.h"

namespace meap {

/// Element types of the format, in no particular order.
enum class StoredDType {
  kBool,
  kU8,
  kI8,
  kF8E5M2,
  kF8E4M3,
  kI16,
  kU16,
  kF16,
  kBF16,
  kI32,
  kU32,
  kF32,
  kF64,
  kI64,
  kU64,
};

/// The format's name ("BF16") and the bytes of one element.
std::string_view StoredDTypeName(StoredDType dtype);
int64_t StoredDTypeBytes(StoredDType dtype);

/// One tensor of a file: row-major bytes [begin, end), counted from the start of the file.
struct StoredTensor {
  std::string name;
  StoredDType dtype = StoredDType::kF32;
  std::vector<int64_t> shape = {};
  uint64_t begin = 0;
  uint64_t end = 0;

  uint64_t bytes() const { return end - begin; }
};

struct SafetensorsHeader {
  std::vector<StoredTensor> tensors;  // by ascending position in the file
  std::map<std::string, std::string> metadata;
};

/// "[2, 3]".
std::string ShapeText(std::span<const int64_t> shape);

/// Parses and checks the header of the whole file `bytes`: length, JSON, names, dtypes, shapes, and
/// that the tensors' bytes fill the rest of the file without gap or overlap. Otherwise an
/// InputError with `path`, the tensor and the byte offset.
SafetensorsHeader ParseSafetensorsHeader(std::span<const std::byte> bytes, const fs::path& path);

/// Puts tensors (name, dtype, shape given) in the order of the reference implementation: wide
/// elements first, then by name; so the bytes do not depend on the caller's order.
void SortForSafetensors(std::vector<StoredTensor>& tensors);

/// The bytes before the first tensor, for tensors in this order; sets their `begin` and `end`.
std::string BuildSafetensorsHeader(std::vector<StoredTensor>& tensors,
                                   const std::map<std::string, std::string>& metadata);

}  // namespace meap
