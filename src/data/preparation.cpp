#include "data/preparation.h"

#include <cstdio>

#include "core/error.h"
#include "core/signals.h"
#include "data/ordered_pipeline.h"

namespace meap {
namespace {

constexpr size_t kBlockBytes = size_t{1} << 18;
// Text under way at once; a single document may exceed it.
constexpr size_t kUnderWayBytes = size_t{32} << 20;

uint64_t TotalBytes(const std::vector<SourceInfo>& sources) {
  uint64_t sum = 0;
  for (const SourceInfo& source : sources) sum += source.file_bytes;
  return sum;
}

std::string ShardName(size_t number) {
  char name[32];
  std::snprintf(name, sizeof name, "tokens-%05zu.bin", number);
  return name;
}

}  // namespace

Preparation::Preparation(const std::vector<fs::path>& files, std::vector<SourceInfo> sources,
                         const DocumentEncoder& encoder, const PrepareOptions& options,
                         PartialOutput& partial)
    : files_(files),
      sources_(std::move(sources)),
      encoder_(encoder),
      options_(options),
      partial_(partial),
      progress_("prepare", TotalBytes(sources_), "B read") {
  size_t group = 0;
  uint64_t held = 0;
  for (const SourceInfo& source : sources_) {
    if (held >= options_.group_bytes) {
      ++group;
      held = 0;
    }
    held += source.file_bytes;
    group_of_.push_back(group);
  }
}

size_t Preparation::Resume(const std::string& content_key) {
  const std::vector<GroupRecord> groups = partial_.Resume(content_key);
  for (size_t i = 0; i < groups.size(); ++i) {
    shards_.insert(shards_.end(), groups[i].shards.begin(), groups[i].shards.end());
    for (const SourceInfo& source : groups[i].sources) {
      consumed_bytes_ += source.file_bytes;
      done_tokens_ += source.tokens;
      sources_[next_source_++] = source;
    }
    if (!options_.dedup) continue;
    for (const Hash128& hash : partial_.Hashes(i)) seen_.insert(hash);
  }
  if (next_source_ > 0) {
    Note("going on after " + std::to_string(next_source_) + " of " +
         std::to_string(sources_.size()) + " input files done before");
  }
  return next_source_;
}

bool Preparation::Keep(std::string_view text, Block& block) {
  if (!options_.dedup) return true;
  const Hash128 hash = ContentHash(text);
  if (!seen_.insert(hash).second) {
    ++duplicates_;
    return false;
  }
  block.hashes.push_back(hash);
  return true;
}

bool Preparation::Produce(Block& block) {
  SignalGuard::StopIfRequested();
  if (next_source_ == files_.size()) return false;
  if (!reader_) reader_ = OpenDocuments(files_[next_source_], options_.reader, &consumed_bytes_);
  block.source = next_source_;
  std::string_view text;
  while (block.text.size() < kBlockBytes) {
    if (!reader_->Next(text)) {
      block.last = true;
      block.dropped = reader_->drops();
      block.dropped.AddCount(DropReason::kDuplicate, duplicates_);
      duplicates_ = 0;
      reader_.reset();
      ++next_source_;
      break;
    }
    if (!Keep(text, block)) continue;
    block.text += text;
    block.ends.push_back(block.text.size());
  }
  return true;
}

void Preparation::Encode(Block& block) const {
  block.tokens.reserve(block.text.size() / 3);
  size_t begin = 0;
  for (const size_t end : block.ends) {
    if (encoder_.bos >= 0) block.tokens.push_back(encoder_.bos);
    encoder_.append(std::string_view(block.text).substr(begin, end - begin), block.tokens);
    block.tokens.push_back(encoder_.eos);
    block.token_ends.push_back(block.tokens.size());
    begin = end;
  }
}

void Preparation::Consume(Block& block) {
  size_t begin = 0;
  for (const size_t end : block.token_ends) {
    if (!writer_) {
      writer_file_ = ShardName(shards_.size());
      writer_ = std::make_unique<ShardWriter>(partial_.shard_folder() / writer_file_,
                                              encoder_.vocab_size <= 65536 ? 2 : 4);
    }
    writer_->AddDocument({block.tokens.data() + begin, end - begin});
    begin = end;
    if (writer_->tokens() >= options_.max_shard_tokens) FinishShard();
  }
  SourceInfo& source = sources_[block.source];
  source.documents += block.ends.size();
  source.tokens += block.tokens.size();
  source.text_bytes += block.text.size();
  done_tokens_ += block.tokens.size();
  group_hashes_.insert(group_hashes_.end(), block.hashes.begin(), block.hashes.end());
  if (block.last) {
    source.dropped = std::move(block.dropped);
    group_.sources.push_back(source);
    const bool group_ends = block.source + 1 == group_of_.size() ||
                            group_of_[block.source + 1] != group_of_[block.source];
    if (group_ends) FinishGroup();
  }
  progress_.Update(consumed_bytes_, FormatCount(static_cast<double>(done_tokens_)) + " tokens");
}

void Preparation::FinishShard() {
  if (!writer_) return;
  const ShardHeader header = writer_->Finish();
  writer_.reset();
  const ShardInfo shard = {
      .file = writer_file_,
      .token_bytes = header.token_bytes,
      .documents = header.documents,
      .tokens = header.tokens,
      .bytes = fs::file_size(partial_.shard_folder() / writer_file_),
      .checksum = HexOf(header.checksum),
  };
  shards_.push_back(shard);
  group_.shards.push_back(shard);
}

void Preparation::FinishGroup() {
  FinishShard();
  partial_.Append(group_, group_hashes_);
  group_ = {};
  group_hashes_.clear();
}

void Preparation::Run(Manifest& manifest) {
  PipelineStages<Block> stages;
  stages.produce = [this](Block& block) { return Produce(block); };
  stages.transform = [this](Block& block) { Encode(block); };
  stages.consume = [this](Block& block) { Consume(block); };
  stages.weight = [](const Block& block) { return std::max(block.text.size(), kBlockBytes); };
  RunOrdered(options_.threads, kUnderWayBytes, stages);
  progress_.Finish();
  manifest.shards = shards_;
  manifest.sources = sources_;
  if (manifest.documents() > 0) return;
  const DropCounts dropped = manifest.dropped();
  throw InputError(
      {.what = "no document is left to train on",
       .where = dropped.places().empty() ? files_.front().string() : dropped.places().front(),
       .expected = "at least one document with text",
       .got = std::to_string(dropped.total()) + " dropped, none kept",
       .hint =
           "check --text-field (now '" + options_.reader.text_field + "') and the input files"});
}

}  // namespace meap
