// meap tokenizer train
#include <fmt/format.h>

#include <atomic>
#include <memory>

#include "commands.h"
#include "core/console.h"
#include "core/error.h"
#include "data/readers.h"
#include "json_lines.h"
#include "text/bpe_trainer.h"
#include "tokenizer_commands.h"

namespace meap {
namespace {

struct TrainFlags {
  std::vector<std::string> inputs;
  std::string output;
  int32_t vocab_size = 0;
  int64_t min_count = 2;
  int memory_mib = 512;
  ReaderOptions reader;
  CommonFlags common;
};

/// The documents of all files, one after another.
class Documents {
 public:
  Documents(std::vector<fs::path> files, const ReaderOptions& options)
      : files_(std::move(files)), options_(options) {}

  bool Next(std::string& document) {
    std::string_view text;
    while (true) {
      if (reader_ != nullptr && reader_->Next(text)) {
        document.assign(text);
        return true;
      }
      Close();
      if (next_ == files_.size()) return false;
      reader_ = OpenDocuments(files_[next_++], options_, &consumed);
    }
  }

  std::atomic<uint64_t> consumed{0};  // bytes read from disk
  DropCounts drops;

 private:
  void Close() {
    if (reader_ != nullptr) drops.Merge(reader_->drops());
    reader_.reset();
  }

  std::vector<fs::path> files_;
  const ReaderOptions& options_;
  std::unique_ptr<DocumentReader> reader_;
  size_t next_ = 0;
};

WordCounts Count(Documents& documents, uint64_t disk_bytes, const TrainFlags& flags, int threads) {
  ProgressBar bar("counting words", disk_bytes, "B");
  WordCountOptions options;
  options.threads = threads;
  options.memory_bytes = static_cast<size_t>(flags.memory_mib) << 20;
  options.progress = [&](int64_t) { bar.Update(documents.consumed); };
  return CountWords([&](std::string& text) { return documents.Next(text); }, options);
}

/// Tokens that the corpus has with this tokenizer, from the counts of its words.
int64_t CountTokens(const Tokenizer& tokenizer, const WordCounts& counts, int threads) {
  std::vector<std::string_view> texts;
  for (const auto& word : counts.words) texts.emplace_back(word.text);
  const auto ids = tokenizer.EncodeBatch(texts, false, threads);
  int64_t tokens = 0;
  for (size_t i = 0; i < ids.size(); ++i) {
    tokens += counts.words[i].count * static_cast<int64_t>(ids[i].size());
  }
  return tokens;
}

void RunTrain(const TrainFlags& flags) {
  const int threads = ApplyCommonFlags(flags.common);
  const std::vector<fs::path> files = ExpandInputs(flags.inputs);
  uint64_t disk_bytes = 0;
  for (const fs::path& file : files) disk_bytes += fs::file_size(file);
  Documents documents(files, flags.reader);
  const WordCounts counts = Count(documents, disk_bytes, flags, threads);
  if (counts.words.empty()) {
    throw InputError({.what = "the input files hold no text",
                      .where = files[0].string(),
                      .expected = "documents with text under \"" + flags.reader.text_field + "\"",
                      .got = fmt::format("{} dropped", documents.drops.total())});
  }
  BpeTrainOptions options;
  options.vocab_size = flags.vocab_size;
  options.min_count = flags.min_count;
  options.threads = threads;
  ProgressBar bar("merging", static_cast<uint64_t>(std::max(1, flags.vocab_size)), "merges");
  options.progress = [&](size_t done, size_t) { bar.Update(done); };
  const Tokenizer tokenizer = TrainByteLevelBpe(counts, options);
  bar.Finish();
  if (tokenizer.VocabSize() < flags.vocab_size) {
    Warn(
        fmt::format("the text gives a vocabulary of {} only: no other pair of tokens stands in it "
                    "{} times",
                    tokenizer.VocabSize(), flags.min_count));
  }
  if (counts.dropped > 0) {
    Warn(fmt::format("{} occurrences of rare words were left out to keep within --memory",
                     counts.dropped));
  }
  for (const std::string& place : documents.drops.places()) Note("dropped " + place);
  tokenizer.Save(flags.output);
  const int64_t tokens = CountTokens(tokenizer, counts, threads);
  WriteToStdout(fmt::format(
      "tokenizer   {}\nvocabulary  {}\ndocuments   {}\ndropped     {}\nbytes       {}\n"
      "words       {}\ntokens      {}\nbytes/token {:.3f}\n",
      flags.output, tokenizer.VocabSize(), counts.documents, documents.drops.total(), counts.bytes,
      counts.words.size(), tokens,
      static_cast<double>(counts.bytes) / static_cast<double>(std::max<int64_t>(tokens, 1))));
}

}  // namespace

void AddTokenizerTrainCommand(CLI::App& tokenizer) {
  const auto flags = std::make_shared<TrainFlags>();
  CLI::App* command = tokenizer.add_subcommand("train", "Trains a byte-level BPE tokenizer");
  command
      ->add_option("FILE", flags->inputs, "Files, folders or globs: " + std::string(kInputFormats))
      ->required();
  command->add_option("--output", flags->output, "Folder to write")->required();
  command
      ->add_option("--vocab-size", flags->vocab_size,
                   "Number of tokens: 4 special ones, 256 bytes, the rest merges")
      ->required();
  command->add_option("--min-count", flags->min_count, "Pairs rarer than this are not joined")
      ->check(CLI::Range(1, 1 << 30))
      ->capture_default_str();
  command
      ->add_option("--memory", flags->memory_mib,
                   "MiB for the table of distinct words; beyond it the rarest are left out")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  command
      ->add_option("--text-field", flags->reader.text_field,
                   "Field or column that holds the text; a dot goes into nested objects")
      ->capture_default_str();
  AddCommonFlags(*command, flags->common, Computes::kOnThreads);
  command->footer(
      "Example:\n"
      "  meap tokenizer train --output tok --vocab-size 8192 'corpus/train-*.jsonl.zst'\n"
      "The result does not depend on --threads.");
  command->callback([flags] { RunTrain(*flags); });
}

}  // namespace meap
