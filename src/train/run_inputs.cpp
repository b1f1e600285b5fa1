#include "train/run_inputs.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/console.h"
#include "core/error.h"
#include "core/strings.h"
#include "data/document_encoder.h"
#include "data/prepare.h"
#include "data/readers.h"
#include "train/pretrain_objective.h"

namespace meap {
namespace {

bool IsPrepared(const fs::path& path) { return fs::exists(path / "manifest.json"); }

/// The tokenizer of the data, and the hashes of all that encode text as it does.
struct DataTokenizer {
  std::shared_ptr<const Tokenizer> tokenizer;
  std::vector<std::string> hashes;
};

/// Prepared folders as they are, everything else tokenised once into the cache: raw files that
/// follow one another as one folder, in the order given.
std::shared_ptr<const TokenStore> OpenData(const std::vector<std::string>& names,
                                           const Recipe& recipe, const DataTokenizer& tokenizer,
                                           int threads) {
  PrepareOptions options;
  options.reader.text_field = recipe.data.text_field;
  options.threads = threads;
  std::vector<fs::path> folders;
  std::vector<std::string> raw;
  const auto prepare = [&](const std::vector<std::string>& files) {
    folders.push_back(PrepareCached(ExpandInputs(files), MakeEncoder(tokenizer.tokenizer),
                                    recipe.data.cache, options)
                          .folder);
  };
  for (const std::string& name : names) {
    const std::vector<fs::path> paths = ExpandGlob(name);
    if (paths.empty()) raw.push_back(name);  // ExpandInputs says what is wrong with it
    for (const fs::path& path : paths) {
      if (!IsPrepared(path)) {
        raw.push_back(path.string());
        continue;
      }
      if (!raw.empty()) prepare(std::exchange(raw, {}));
      folders.push_back(path);
    }
  }
  if (!raw.empty()) prepare(raw);
  auto store = std::make_shared<TokenStore>(TokenStore::Open(folders, tokenizer.hashes));
  store->RequireTokenizer(tokenizer.hashes, recipe.tokenizer);
  return store;
}

void ResolveSizes(const Recipe& recipe, RunInputs& inputs) {
  const int64_t length = recipe.data.sequence_length;
  if (recipe.train.batch_tokens < length) {
    throw InputError({.what = "train.batch_tokens is less than one sequence",
                      .where = "train.batch_tokens",
                      .expected = "at least data.sequence_length = " + std::to_string(length),
                      .got = std::to_string(recipe.train.batch_tokens)});
  }
  inputs.batch_rows = recipe.train.batch_tokens / length;
  constexpr int64_t kMicroTokens =
      4096;  // enough to fill the cores, few enough to fit small machines
  const int64_t wanted = recipe.train.micro_batch > 0 ? recipe.train.micro_batch
                                                      : std::max<int64_t>(1, kMicroTokens / length);
  inputs.micro_rows = std::min(wanted, inputs.batch_rows);
  NoteCutMicroBatch(recipe, inputs.micro_rows);
  uint64_t windows = 0;
  for (const MixtureSource& source : inputs.train) {
    windows += (source.store->tokens() - 1) / static_cast<uint64_t>(length);
  }
  const double by_epochs =
      static_cast<double>(windows) * recipe.train.epochs / static_cast<double>(inputs.batch_rows);
  inputs.steps = recipe.train.steps > 0 ? recipe.train.steps
                                        : std::max<int64_t>(1, std::llround(std::floor(by_epochs)));
}

BatchReader Reader(const std::vector<MixtureSource>& sources, const Recipe& recipe, int64_t rows,
                   bool shuffle) {
  BatchOptions options;
  options.sampler.sequence_length = static_cast<uint64_t>(recipe.data.sequence_length);
  options.sampler.seed = static_cast<uint64_t>(recipe.train.seed);
  options.sampler.shuffle = shuffle;
  options.batch_rows = rows;
  options.isolate_documents = recipe.data.isolate_documents;
  return {sources, options};
}

/// The sources of a mixture by their weights, or all entries as one.
std::vector<MixtureSource> OpenTraining(const Recipe& recipe, const DataTokenizer& tokenizer,
                                        int threads) {
  const DataOptions& data = recipe.data;
  if (data.weights.empty()) return {{OpenData(data.train, recipe, tokenizer, threads)}};
  std::vector<MixtureSource> sources;
  for (size_t i = 0; i < data.train.size(); ++i) {
    sources.push_back({OpenData({data.train[i]}, recipe, tokenizer, threads), data.weights[i]});
  }
  return sources;
}

}  // namespace

RunInputs OpenRunInputs(const Recipe& recipe, int threads) {
  RunInputs inputs{OpenModelInputs(recipe)};
  // Text is encoded as it always was: a "[MASK]" in it is no mask.
  const auto plain = std::make_shared<Tokenizer>(Tokenizer::Load(recipe.tokenizer));
  DataTokenizer encodes{plain, plain->DataHashes()};
  inputs.train = OpenTraining(recipe, encodes, threads);
  // Prepared data may have an end of text that the tokenizer's files do not name.
  const int32_t eos = inputs.train.front().store->eos();
  if (!plain->eos() && eos >= 0) {
    plain->NameEos(eos);
    encodes.hashes.push_back(plain->ContentHash());
    inputs.tokenizer->NameEos(eos);
    AddEndToken(eos, inputs.config);
  }
  if (!recipe.data.validation.empty()) {
    inputs.validation = OpenData(recipe.data.validation, recipe, encodes, threads);
  }
  ResolveSizes(recipe, inputs);
  inputs.objective = MakeObjective(recipe, *inputs.tokenizer, inputs.mask_id, inputs.steps);
  inputs.TrainReader(recipe);  // data shorter than one window is refused here, not in mid-run
  if (inputs.validation) inputs.ValidationReader(recipe);
  return inputs;
}

BatchReader RunInputs::TrainReader(const Recipe& recipe) const {
  return Reader(train, recipe, batch_rows, true);
}

BatchReader RunInputs::ValidationReader(const Recipe& recipe) const {
  return Reader({{validation}}, recipe, micro_rows, false);
}

TrainingRows MakeRows(const PretrainObjective& objective, const Batch& batch, int64_t step) {
  TrainingRows rows;
  const auto width = static_cast<size_t>(batch.sequence_length + 1);
  for (int64_t r = 0; r < batch.rows; ++r) {
    std::span<const int32_t> segments;
    if (!batch.segments.empty()) segments = {batch.segments.data() + r * width, width};
    AppendPretrainRow(objective, {batch.row(r), width}, segments,
                      static_cast<uint32_t>(batch.epochs[r]), batch.sample_ids[r], rows, step);
  }
  return rows;
}

}  // namespace meap
