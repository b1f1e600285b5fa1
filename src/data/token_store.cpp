#include "data/token_store.h"

#include <algorithm>

#include "core/error.h"
#include "core/parallel.h"

namespace meap {

namespace {

bool Holds(const std::vector<std::string>& hashes, const std::string& hash) {
  return std::find(hashes.begin(), hashes.end(), hash) != hashes.end();
}

}  // namespace

TokenStore TokenStore::Open(const std::vector<fs::path>& folders,
                            const std::vector<std::string>& same) {
  MEAP_CHECK(!folders.empty(), "no folder");
  TokenStore store;
  for (const fs::path& folder : folders) store.AddFolder(folder, same);
  return store;
}

void TokenStore::AddFolder(const fs::path& folder, const std::vector<std::string>& same) {
  Manifest manifest = ReadManifest(folder);
  const std::string& hash = manifest.settings.tokenizer_hash;
  if (!manifests_.empty() && hash != tokenizer_hash() &&
      !(Holds(same, hash) && Holds(same, tokenizer_hash()))) {
    throw InputError({.what = "folders prepared with different tokenizers",
                      .where = folders_.front().string() + " and " + folder.string(),
                      .expected = "one tokenizer for all training data",
                      .got = "tokenizer hashes " + tokenizer_hash() + " and " + hash,
                      .hint = "prepare both with the same --tokenizer"});
  }
  for (const ShardInfo& info : manifest.shards) {
    const fs::path path = folder / info.file;
    shards_.push_back(std::make_unique<Shard>(path));
    const ShardHeader& header = shards_.back()->view.header();
    const std::string checksum = HexOf(header.checksum);
    if (checksum != info.checksum || header.tokens != info.tokens ||
        header.documents != info.documents) {
      throw InputError({.what = "token shard and manifest do not belong together",
                        .where = path.string(),
                        .expected = std::to_string(info.tokens) + " tokens, checksum " +
                                    info.checksum + " (manifest.json)",
                        .got = std::to_string(header.tokens) + " tokens, checksum " + checksum,
                        .hint = "prepare the data again with --overwrite"});
    }
    starts_.push_back(starts_.back() + header.tokens);
  }
  folders_.push_back(folder);
  manifests_.push_back(std::move(manifest));
}

uint64_t TokenStore::documents() const {
  uint64_t sum = 0;
  for (const auto& shard : shards_) sum += shard->view.header().documents;
  return sum;
}

size_t TokenStore::ShardAt(uint64_t token) const {
  const auto after = std::upper_bound(starts_.begin(), starts_.end(), token);
  return static_cast<size_t>(after - starts_.begin()) - 1;
}

void TokenStore::Read(uint64_t start, uint64_t count, int32_t* out) const {
  MEAP_CHECK(start <= tokens() && count <= tokens() - start, "read past the stream");
  for (size_t i = ShardAt(start); count > 0; ++i) {
    const uint64_t part = std::min(count, starts_[i + 1] - start);
    shards_[i]->view.Read(start - starts_[i], part, out);
    start += part;
    count -= part;
    out += part;
  }
}

std::vector<int32_t> TokenStore::Read(uint64_t start, uint64_t count) const {
  std::vector<int32_t> out(count);
  Read(start, count, out.data());
  return out;
}

std::vector<uint64_t> TokenStore::DocumentStarts(uint64_t begin, uint64_t end) const {
  std::vector<uint64_t> found;
  end = std::min(end, tokens());
  for (size_t i = ShardAt(begin); i < shards_.size() && starts_[i] < end; ++i) {
    const std::span<const uint64_t> starts = shards_[i]->view.DocumentStarts();
    const uint64_t from = begin > starts_[i] ? begin - starts_[i] : 0;
    for (auto at = std::lower_bound(starts.begin(), starts.end(), from);
         at != starts.end() && starts_[i] + *at < end; ++at) {
      found.push_back(starts_[i] + *at);
    }
  }
  return found;
}

void TokenStore::Verify(int threads) const {
  ParallelFor(shards_.size(), threads, [&](size_t i) { shards_[i]->view.Verify(); });
}

void TokenStore::RequireTokenizer(const std::vector<std::string>& hashes,
                                  const std::string& tokenizer) const {
  if (Holds(hashes, tokenizer_hash())) return;
  throw InputError(
      {.what = "the data was prepared with another tokenizer",
       .where = folders_.front().string(),
       .expected = "data prepared with " + tokenizer + " (hash " + hashes.front() + ")",
       .got = "tokenizer hash " + tokenizer_hash(),
       .hint = "run meap data prepare with this tokenizer, or name the tokenizer that "
               "the data was made with"});
}

}  // namespace meap
