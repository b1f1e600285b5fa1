#include "data/prepare.h"

#include <algorithm>
#include <optional>

#include "core/console.h"
#include "core/error.h"
#include "core/parallel.h"
#include "data/content_hash.h"
#include "data/partial_output.h"
#include "data/preparation.h"
#include "data/token_store.h"

namespace meap {
namespace {

std::vector<SourceInfo> DescribeSources(const std::vector<fs::path>& files, int threads) {
  if (files.empty()) {
    throw InputError({.what = "no input file",
                      .expected = "at least one file with text",
                      .hint = "name files, folders or globs"});
  }
  std::vector<SourceInfo> sources(files.size());
  ParallelFor(files.size(), threads, [&](size_t i) {
    if (!IsDocumentFile(files[i])) OpenDocuments(files[i], {});  // throws the error that says why
    sources[i].file = files[i].filename().string();
    sources[i].hash = HashFile(files[i]).Hex();
    sources[i].file_bytes = fs::file_size(files[i]);
  });
  return sources;
}

constexpr const char* kHowToNameEos =
    "set eos_token in its tokenizer_config.json, or name one with `meap data prepare --eos "
    "'<|endoftext|>'`";

PrepareSettings SettingsOf(const DocumentEncoder& encoder, const PrepareOptions& options,
                           const std::string& hint) {
  if (encoder.eos < 0) {
    throw InputError({.what = "the tokenizer names no end-of-text token",
                      .expected = "a token that stands after each document",
                      .hint = hint});
  }
  return {.tokenizer_hash = encoder.hash,
          .vocab_size = encoder.vocab_size,
          .bos = encoder.bos,
          .eos = encoder.eos,
          .text_field = options.reader.text_field,
          .dedup = options.dedup,
          .max_document_bytes = options.reader.max_document_bytes,
          .max_shard_tokens = options.max_shard_tokens,
          .group_bytes = options.group_bytes};
}

/// The finished result at `output`, if it is what would be made; other things there are an error.
std::optional<Manifest> Existing(const fs::path& output, const std::string& key, bool overwrite) {
  if (!fs::exists(output) || (fs::is_directory(output) && fs::is_empty(output))) return {};
  if (!fs::exists(output / kManifestName)) {
    throw InputError({.what = "the output holds something else than prepared data",
                      .where = output.string(),
                      .expected = "a new folder, an empty one, or one that meap data prepare wrote",
                      .hint = "choose another --output; --overwrite replaces prepared data only"});
  }
  if (overwrite) return {};
  Manifest manifest = ReadManifest(output);
  if (manifest.content_key != key) {
    throw InputError({.what = "the output holds data prepared from other input or settings",
                      .where = output.string(),
                      .expected = "content key " + key,
                      .got = "content key " + manifest.content_key,
                      .hint = "choose another --output, or replace it with --overwrite"});
  }
  TokenStore::Open(output);  // sizes and headers
  return manifest;
}

PrepareResult PrepareSources(const std::vector<fs::path>& files, std::vector<SourceInfo> sources,
                             const DocumentEncoder& encoder, const fs::path& output,
                             const PrepareOptions& options) {
  PrepareResult result{.folder = output, .manifest = {}};
  Manifest& manifest = result.manifest;
  manifest.settings = SettingsOf(encoder, options, kHowToNameEos);
  manifest.content_key = ContentKey(manifest.settings, sources);
  const auto existing = [&] {
    auto found = Existing(output, manifest.content_key, options.overwrite);
    if (!found) return false;
    manifest = *found;
    return result.reused = true;
  };
  if (existing()) return result;
  PartialOutput partial(output);
  try {
    if (existing()) {  // another process made it while this one waited
      partial.Discard();
      return result;
    }
    Preparation preparation(files, std::move(sources), encoder, options, partial);
    result.resumed_sources = preparation.Resume(manifest.content_key);
    preparation.Run(manifest);
  } catch (const InputError&) {
    partial.Discard();  // the input must change, and with it the content key
    throw;
  }
  ReportDrops(manifest.dropped());
  partial.Publish(manifest);
  return result;
}

}  // namespace

PrepareResult Prepare(const std::vector<fs::path>& files, const DocumentEncoder& encoder,
                      const fs::path& output, const PrepareOptions& options) {
  return PrepareSources(files, DescribeSources(files, options.threads), encoder, output, options);
}

PrepareResult PrepareCached(const std::vector<fs::path>& files, const DocumentEncoder& encoder,
                            const fs::path& cache, const PrepareOptions& options) {
  std::vector<SourceInfo> sources = DescribeSources(files, options.threads);
  const std::string hint = std::string(kHowToNameEos) + " and train on the folder that it writes";
  const std::string key = ContentKey(SettingsOf(encoder, options, hint), sources);
  return PrepareSources(files, std::move(sources), encoder, cache / key, options);
}

}  // namespace meap
