#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "core/console.h"
#include "data/token_store.h"
#include "data_commands.h"
#include "flag_checks.h"
#include "text/tokenizer.h"

namespace meap {
namespace {

using Json = nlohmann::ordered_json;

struct Flags {
  CommonFlags common;
  std::string folder;
  std::string tokenizer;
  uint64_t windows = 2;
  uint64_t length = 64;
  bool json = false;
};

/// The first windows of the stream, as ids and, with a tokenizer, as text.
Json Windows(const TokenStore& store, const Flags& flags) {
  Json windows = Json::array();
  std::shared_ptr<Tokenizer> tokenizer;
  if (!flags.tokenizer.empty()) {
    tokenizer = std::make_shared<Tokenizer>(Tokenizer::Load(flags.tokenizer));
    store.RequireTokenizer(tokenizer->DataHashes(), flags.tokenizer);
  }
  for (uint64_t w = 0; w < flags.windows && w * flags.length < store.tokens(); ++w) {
    const uint64_t start = w * flags.length;
    const uint64_t count = std::min(flags.length, store.tokens() - start);
    const std::vector<int32_t> ids = store.Read(start, count);
    Json window = {{"start", start},
                   {"documents_start_at", store.DocumentStarts(start, start + count)},
                   {"ids", ids}};
    if (tokenizer) window["text"] = tokenizer->Decode(ids, false);
    windows.push_back(window);
  }
  return windows;
}

std::string Dump(const Json& json, int indent = -1) {
  return json.dump(indent, ' ', true, Json::error_handler_t::replace);
}

void PrintText(const Manifest& manifest, const Json& windows) {
  const auto count = [](uint64_t value) { return FormatCount(static_cast<double>(value)); };
  const double documents = static_cast<double>(std::max<uint64_t>(1, manifest.documents()));
  std::printf("documents   %llu\n", static_cast<unsigned long long>(manifest.documents()));
  std::printf("tokens      %llu (%s), %.1f a document\n",
              static_cast<unsigned long long>(manifest.tokens()), count(manifest.tokens()).c_str(),
              static_cast<double>(manifest.tokens()) / documents);
  std::printf("text        %s\n", FormatBytes(static_cast<double>(manifest.text_bytes())).c_str());
  std::printf("dropped     %s\n", Dump(DropsToJson(manifest.dropped())).c_str());
  const PrepareSettings& settings = manifest.settings;
  std::printf("tokenizer   %s, vocabulary %u, bos %d, eos %d\n", settings.tokenizer_hash.c_str(),
              settings.vocab_size, settings.bos, settings.eos);
  std::printf("content key %s\n", manifest.content_key.c_str());
  std::printf("\n%-18s %12s %14s  %s\n", "shard", "documents", "tokens", "checksum");
  for (const ShardInfo& shard : manifest.shards) {
    std::printf("%-18s %12llu %14llu  %s\n", shard.file.c_str(),
                static_cast<unsigned long long>(shard.documents),
                static_cast<unsigned long long>(shard.tokens), shard.checksum.c_str());
  }
  for (const Json& window : windows) {
    std::printf("\ntokens from %s, documents start at %s\n%s\n", Dump(window["start"]).c_str(),
                Dump(window["documents_start_at"]).c_str(), Dump(window["ids"]).c_str());
    if (window.contains("text")) std::printf("%s\n", Dump(window["text"]).c_str());
  }
}

void Inspect(const Flags& flags) {
  ApplyCommonFlags(flags.common);
  const TokenStore store = TokenStore::Open(flags.folder);
  const Json windows = Windows(store, flags);
  if (!flags.json) {
    PrintText(store.manifests().front(), windows);
    return;
  }
  Json all = Json::parse(ManifestText(store.manifests().front()));
  all["windows"] = windows;
  std::printf("%s\n", Dump(all, 2).c_str());
}

}  // namespace

void AddDataInspectCommand(CLI::App& data) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command = data.add_subcommand("inspect", "Show what a prepared folder holds");
  command->add_option("DIR", flags->folder, "Folder that meap data prepare wrote")->required();
  command->add_option("--tokenizer", flags->tokenizer,
                      "Tokenizer it was made with: shows the windows as text too");
  command->add_option("--windows", flags->windows, "How many of the first windows to show")
      ->check(AtLeast(0))
      ->capture_default_str();
  command->add_option("--length", flags->length, "Tokens of a window")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  command->add_flag("--json", flags->json, "The manifest and the windows as one JSON object");
  AddCommonFlags(*command, flags->common, Computes::kOnThreads);
  command->footer(
      "Examples:\n"
      "  meap data inspect corpus --tokenizer tok --windows 1 --length 128\n"
      "  meap data inspect corpus --json --windows 0 | jq .sources");
  command->callback([flags] { Inspect(*flags); });
}

}  // namespace meap
