// manifest.json of a prepared folder: what is in it and where it came from, readable by people. It
// holds no times and no folders, so that the same input gives the same bytes.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "core/files.h"
#include "data/drops.h"
#include "data/shard.h"

namespace meap {

/// One shard file of the folder.
struct ShardInfo {
  std::string file;  // name inside the folder
  uint32_t token_bytes = 2;
  uint64_t documents = 0;
  uint64_t tokens = 0;
  uint64_t bytes = 0;    // of the file
  std::string checksum;  // of its header, and through it of all (shard.h)
};

/// One input file.
struct SourceInfo {
  std::string file;         // name without its folder
  std::string hash;         // XXH3-128 of the file as it is
  uint64_t file_bytes = 0;  // as it is on disk
  uint64_t documents = 0;   // kept
  uint64_t tokens = 0;
  uint64_t text_bytes = 0;  // of the kept documents
  DropCounts dropped;
};

/// How the folder was made. All of it, with the sources' hashes, makes the content key.
struct PrepareSettings {
  std::string tokenizer_hash;
  uint32_t vocab_size = 0;
  int32_t bos = -1;  // put before each document; -1 for none
  int32_t eos = -1;  // put after each document
  std::string text_field = "text";
  bool dedup = false;
  uint64_t max_document_bytes = 0;
  uint64_t max_shard_tokens = 0;
  uint64_t group_bytes = 0;
};

struct Manifest {
  std::string content_key;
  PrepareSettings settings;
  std::vector<ShardInfo> shards;
  std::vector<SourceInfo> sources;

  uint64_t documents() const;
  uint64_t tokens() const;
  uint64_t text_bytes() const;
  DropCounts dropped() const;
};

/// Name of the manifest inside a prepared folder.
inline constexpr std::string_view kManifestName = "manifest.json";

/// 32 hexadecimal digits that name the output: settings and sources (name aside) and nothing else.
std::string ContentKey(const PrepareSettings& settings, const std::vector<SourceInfo>& sources);

/// Reads DIR/manifest.json. Missing, not JSON, fields missing or another version: InputError.
Manifest ReadManifest(const fs::path& folder);
/// The text of a manifest.json.
std::string ManifestText(const Manifest& manifest);

/// Counts by reason; reasons that did not occur are left out.
nlohmann::ordered_json DropsToJson(const DropCounts& drops);
nlohmann::ordered_json ShardToJson(const ShardInfo& shard);
nlohmann::ordered_json SourceToJson(const SourceInfo& source);
ShardInfo ShardFromJson(const nlohmann::ordered_json& json);
SourceInfo SourceFromJson(const nlohmann::ordered_json& json);

}  // namespace meap
