#include "data/manifest.h"

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "data/content_hash.h"

namespace meap {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kFormatVersion = 1;

Json SettingsToJson(const PrepareSettings& settings) {
  return {{"tokenizer_hash", settings.tokenizer_hash},
          {"vocab_size", settings.vocab_size},
          {"bos", settings.bos},
          {"eos", settings.eos},
          {"text_field", settings.text_field},
          {"dedup", settings.dedup},
          {"max_document_bytes", settings.max_document_bytes},
          {"max_shard_tokens", settings.max_shard_tokens},
          {"group_bytes", settings.group_bytes}};
}

PrepareSettings SettingsFromJson(const Json& json) {
  return {.tokenizer_hash = json.at("tokenizer_hash").get<std::string>(),
          .vocab_size = json.at("vocab_size").get<uint32_t>(),
          .bos = json.at("bos").get<int32_t>(),
          .eos = json.at("eos").get<int32_t>(),
          .text_field = json.at("text_field").get<std::string>(),
          .dedup = json.at("dedup").get<bool>(),
          .max_document_bytes = json.at("max_document_bytes").get<uint64_t>(),
          .max_shard_tokens = json.at("max_shard_tokens").get<uint64_t>(),
          .group_bytes = json.at("group_bytes").get<uint64_t>()};
}

}  // namespace

uint64_t Manifest::documents() const {
  uint64_t sum = 0;
  for (const ShardInfo& shard : shards) sum += shard.documents;
  return sum;
}

uint64_t Manifest::tokens() const {
  uint64_t sum = 0;
  for (const ShardInfo& shard : shards) sum += shard.tokens;
  return sum;
}

uint64_t Manifest::text_bytes() const {
  uint64_t sum = 0;
  for (const SourceInfo& source : sources) sum += source.text_bytes;
  return sum;
}

DropCounts Manifest::dropped() const {
  DropCounts sum;
  for (const SourceInfo& source : sources) sum.Merge(source.dropped);
  return sum;
}

std::string ContentKey(const PrepareSettings& settings, const std::vector<SourceInfo>& sources) {
  Json key = {{"format_version", kFormatVersion}, {"settings", SettingsToJson(settings)}};
  for (const SourceInfo& source : sources) {
    // The extensions say how the bytes are read; the rest of the name says nothing about them.
    const fs::path name = source.file;
    key["sources"].push_back(
        {name.stem().extension().string() + name.extension().string(), source.hash});
  }
  const std::string text = key.dump();
  return ContentHash(text).Hex();
}

Json DropsToJson(const DropCounts& drops) {
  Json json = Json::object();
  for (size_t i = 0; i < kDropReasons; ++i) {
    const auto reason = static_cast<DropReason>(i);
    if (drops.count(reason) > 0) json[std::string(DropReasonName(reason))] = drops.count(reason);
  }
  return json;
}

Json ShardToJson(const ShardInfo& shard) {
  return {{"file", shard.file},     {"documents", shard.documents},
          {"tokens", shard.tokens}, {"token_bytes", shard.token_bytes},
          {"bytes", shard.bytes},   {"checksum", shard.checksum}};
}

ShardInfo ShardFromJson(const Json& json) {
  ShardInfo shard;
  shard.file = json.at("file").get<std::string>();
  shard.documents = json.at("documents").get<uint64_t>();
  shard.tokens = json.at("tokens").get<uint64_t>();
  shard.token_bytes = json.at("token_bytes").get<uint32_t>();
  shard.bytes = json.at("bytes").get<uint64_t>();
  shard.checksum = json.at("checksum").get<std::string>();
  return shard;
}

Json SourceToJson(const SourceInfo& source) {
  return {{"file", source.file},
          {"hash", source.hash},
          {"file_bytes", source.file_bytes},
          {"documents", source.documents},
          {"tokens", source.tokens},
          {"text_bytes", source.text_bytes},
          {"dropped", DropsToJson(source.dropped)}};
}

SourceInfo SourceFromJson(const Json& json) {
  SourceInfo source;
  source.file = json.at("file").get<std::string>();
  source.hash = json.at("hash").get<std::string>();
  source.file_bytes = json.at("file_bytes").get<uint64_t>();
  source.documents = json.at("documents").get<uint64_t>();
  source.tokens = json.at("tokens").get<uint64_t>();
  source.text_bytes = json.at("text_bytes").get<uint64_t>();
  for (size_t i = 0; i < kDropReasons; ++i) {
    const auto reason = static_cast<DropReason>(i);
    source.dropped.AddCount(reason,
                            json.at("dropped").value(std::string(DropReasonName(reason)), 0ULL));
  }
  return source;
}

std::string ManifestText(const Manifest& manifest) {
  Json json = {{"format", "meap token shards"},
               {"format_version", kFormatVersion},
               {"content_key", manifest.content_key},
               {"documents", manifest.documents()},
               {"tokens", manifest.tokens()},
               {"text_bytes", manifest.text_bytes()},
               {"dropped", DropsToJson(manifest.dropped())},
               {"settings", SettingsToJson(manifest.settings)},
               {"shards", Json::array()},
               {"sources", Json::array()}};
  for (const ShardInfo& shard : manifest.shards) json["shards"].push_back(ShardToJson(shard));
  for (const SourceInfo& source : manifest.sources) {
    json["sources"].push_back(SourceToJson(source));
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Manifest ReadManifest(const fs::path& folder) {
  const fs::path path = folder / kManifestName;
  if (!fs::exists(path)) {
    throw InputError({.what = "the folder holds no prepared data",
                      .where = folder.string(),
                      .expected = "a folder that meap data prepare wrote, with manifest.json",
                      .got = fs::exists(folder) ? "no manifest.json" : "no such folder",
                      .hint = "check the path, or run meap data prepare first"});
  }
  const std::string text = ReadFile(path, "data manifest");
  Manifest manifest;
  try {
    const Json json = Json::parse(text);
    const int version = json.at("format_version").get<int>();
    if (version != kFormatVersion) {
      throw InputError({.what = "prepared data of another format version",
                        .where = path.string(),
                        .expected = "format_version " + std::to_string(kFormatVersion),
                        .got = std::to_string(version),
                        .hint = "prepare the data again with this version of meap"});
    }
    manifest.content_key = json.at("content_key").get<std::string>();
    manifest.settings = SettingsFromJson(json.at("settings"));
    for (const Json& shard : json.at("shards")) manifest.shards.push_back(ShardFromJson(shard));
    for (const Json& source : json.at("sources")) {
      manifest.sources.push_back(SourceFromJson(source));
    }
  } catch (const Json::exception& error) {
    throw InputError({.what = "broken data manifest",
                      .where = path.string(),
                      .expected = "the manifest.json that meap data prepare wrote",
                      .got = error.what(),
                      .hint = "prepare the data again with --overwrite"});
  }
  return manifest;
}

}  // namespace meap
