#include "checkpoint/checksums.h"

#include <string>
#include <utility>
#include <vector>

#include "checkpoint/safetensors.h"
#include "core/error.h"

namespace meap {
namespace {

using nlohmann::json;

constexpr char kManifest[] = "manifest.json";
constexpr int kFormat = 1;

[[noreturn]] void Damaged(const fs::path& place, const std::string& tensor, std::string expected,
                          std::string got) {
  throw InputError({.what = "a checkpoint is damaged",
                    .where = place.string() + (tensor.empty() ? "" : ", tensor " + tensor),
                    .expected = std::move(expected),
                    .got = std::move(got),
                    .hint = "go on from an older checkpoint"});
}

json DescribeFile(const fs::path& path) {
  const MappedFile file(path);
  json entry = {{"bytes", file.size()}, {"xxh3", HashHex(file, file.bytes())}};
  if (path.extension() == ".safetensors") {
    const SafetensorsFile stored(path);
    json& tensors = entry["tensors"] = json::object();
    for (const StoredTensor& tensor : stored.tensors()) {
      tensors[tensor.name] = HashHex(stored.file(), stored.Bytes(tensor));
    }
  }
  return entry;
}

// The one spelling of a manifest: any other text is a damaged one.
std::string ManifestText(const json& content) {
  const std::string text = content.dump();
  return json{{"content", content}, {"xxh3", HashHex(text.data(), text.size())}}.dump(1) + "\n";
}

json ReadContent(const fs::path& folder) {
  const fs::path path = folder / kManifest;
  if (!fs::exists(path)) Damaged(path, "", "a manifest in every checkpoint", "no such file");
  const std::string text = ReadFile(path, "checkpoint manifest");
  const json whole = json::parse(text, nullptr, false);
  const bool intact = whole.is_object() && whole.contains("content") &&
                      whole["content"].is_object() && ManifestText(whole["content"]) == text;
  if (!intact) Damaged(path, "", "the text its own checksum stands for", "another text");
  const json& content = whole["content"];
  if (content.value("format", 0) != kFormat) {
    Damaged(path, "", "checkpoint format " + std::to_string(kFormat),
            "format " + content.value("format", json()).dump() + ", of another version of meap");
  }
  return content;
}

void VerifyFile(const fs::path& path, const json& entry) {
  if (!fs::exists(path)) Damaged(path, "", "a file", "no such file");
  const auto expected_bytes = entry.at("bytes").get<uint64_t>();
  const auto bytes = static_cast<uint64_t>(fs::file_size(path));
  if (bytes != expected_bytes) {
    Damaged(path, "", std::to_string(expected_bytes) + " bytes", std::to_string(bytes) + " bytes");
  }
  const std::string expected = entry.at("xxh3").get<std::string>();
  const std::string got = HashFileHex(path);
  if (got == expected) return;
  if (entry.contains("tensors")) {
    const SafetensorsFile stored(path);  // throws where the header is what was damaged
    for (const StoredTensor& tensor : stored.tensors()) {
      const std::string known = entry["tensors"].value(tensor.name, std::string("no such tensor"));
      const std::string hash = HashHex(stored.file(), stored.Bytes(tensor));
      if (hash != known) Damaged(path, tensor.name, "checksum " + known, "checksum " + hash);
    }
  }
  Damaged(path, "", "checksum " + expected, "checksum " + got);
}

}  // namespace

void WriteChecksums(const fs::path& folder, const json& about) {
  json content = {{"format", kFormat}, {"about", about}, {"files", json::object()}};
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name != kManifest) content["files"][name] = DescribeFile(entry.path());
  }
  WriteFileAtomically(folder / kManifest, ManifestText(content));
}

json ReadChecksums(const fs::path& folder) { return ReadContent(folder).at("about"); }

json VerifyChecksums(const fs::path& folder) {
  const json content = ReadContent(folder);
  for (const auto& [name, entry] : content.at("files").items()) VerifyFile(folder / name, entry);
  return content.at("about");
}

}  // namespace meap
