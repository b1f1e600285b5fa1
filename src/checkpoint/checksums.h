// manifest.json: checksums over every file and tensor of a folder, and over itself.
#pragma once

#include <nlohmann/json.hpp>

#include "core/files.h"

namespace meap {

/// Writes folder/manifest.json with the size and checksum (XXH3-64) of every other file there and
/// of every tensor in the .safetensors files, beside `about`, the caller's own fields.
void WriteChecksums(const fs::path& folder, const nlohmann::json& about);

/// The manifest's `about`, after checking the manifest itself and nothing else. InputError when it
/// is missing or damaged.
nlohmann::json ReadChecksums(const fs::path& folder);

/// ReadChecksums after checking every file that the manifest names. A flipped bit anywhere, a file
/// that is missing or of another length: InputError naming the file and, where it lies in one, the
/// tensor.
nlohmann::json VerifyChecksums(const fs::path& folder);

}  // namespace meap
