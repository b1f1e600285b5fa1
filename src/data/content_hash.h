// 128-bit content hashes (XXH3): equal hash, equal content.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "core/files.h"

namespace meap {

/// A 128-bit hash of a byte range.
struct Hash128 {
  uint64_t high = 0;
  uint64_t low = 0;
  bool operator==(const Hash128&) const = default;
  /// 32 hexadecimal digits.
  std::string Hex() const;
};

Hash128 ContentHash(std::string_view bytes);

/// Hash of a file's bytes, read as a stream. Missing or unreadable: InputError.
Hash128 HashFile(const fs::path& path);

}  // namespace meap

/// Hash128 as a key of unordered containers: its bits are uniform already.
template <>
struct std::hash<meap::Hash128> {
  size_t operator()(const meap::Hash128& value) const noexcept { return value.low; }
};
