#include "train/finetune_inputs.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "chat/read_conversations.h"
#include "chat/sample.h"
#include "core/console.h"
#include "core/error.h"
#include "core/signals.h"
#include "data/readers.h"
#include "jinja/template.h"

namespace meap {
namespace {

struct EncodedFiles {
  std::vector<TaggedTokens> samples;
  DropCounts dropped;
  InputHashes hashes;  // of each file's samples
};

std::string HashSamples(std::span<const TaggedTokens> samples) {
  std::vector<uint64_t> hashes;
  for (const TaggedTokens& sample : samples) {
    hashes.push_back(Hash64(sample.ids.data(), sample.ids.size() * sizeof(sample.ids[0])));
    hashes.push_back(Hash64(sample.roles.data(), sample.roles.size() * sizeof(sample.roles[0])));
  }
  return HashHex(hashes.data(), hashes.size() * sizeof(hashes[0]));
}

/// What our Jinja lacks is no fault of the record that shows it: without its like, the run would
/// train on other data than asked.
[[noreturn]] void CannotRender(const jinja::UnsupportedTemplate& lack, const std::string& place) {
  ErrorParts parts = lack.parts();
  parts.where += ", for " + place;
  parts.hint =
      "take another template (template=chatml, alpaca, ...), or rewrite this one without it";
  throw InputError(parts);
}

/// The samples of all files, in order. One that the template refuses, or whose answer is no token,
/// is dropped and counted like a broken record.
EncodedFiles ReadSamples(const std::vector<std::string>& names, const ChatTemplate& chat,
                         const Tokenizer& tokenizer) {
  EncodedFiles files;
  for (const fs::path& file : ExpandInputs(names)) {
    ConversationReader reader(file);
    Conversation conversation;
    const size_t first = files.samples.size();
    while (reader.Next(conversation)) {
      SignalGuard::StopIfRequested();
      try {
        files.samples.push_back(EncodeConversation(chat, tokenizer, conversation.messages));
      } catch (const jinja::UnsupportedTemplate& lack) {
        CannotRender(lack, conversation.place);
      } catch (const InputError& refused) {
        const ErrorParts& why = refused.parts();
        files.dropped.Add(DropReason::kTemplate,
                          fmt::format("{} ({}, {})", conversation.place, why.what, why.where));
      }
    }
    files.dropped.Merge(reader.drops());
    files.hashes.emplace_back(file.string(), HashSamples(std::span(files.samples).subspan(first)));
  }
  return files;
}

FinetuneObjective MakeObjective(const Recipe& recipe, const ModelInputs& inputs) {
  using Layout = FinetuneObjective::Layout;
  const LayoutOptions& options = recipe.objective.layout;
  FinetuneObjective objective;
  objective.duplicates = recipe.objective.name == "meap";
  if (options.layout == "separate") objective.layout = Layout::kSeparate;
  if (options.layout == "isolated") objective.layout = Layout::kIsolated;
  if (options.mask_span == "answer") objective.mask_span = FinetuneObjective::MaskSpan::kAnswer;
  objective.restart_positions = options.positions == "restart";
  objective.static_masks = options.masks == "static";
  objective.mask_ratio = recipe.objective.mask_ratio;
  objective.mask_id = inputs.mask_id;
  objective.bos_id = inputs.tokenizer->bos().value_or(-1);
  objective.min_answer_tokens = options.min_answer_tokens;
  objective.seed = static_cast<uint64_t>(recipe.train.seed);
  return objective;
}

FinetuneStreamOptions StreamOptions(const Recipe& recipe, const ModelInputs& inputs) {
  const int64_t length = recipe.data.sequence_length;
  if (recipe.train.batch_tokens < length) {
    throw InputError({.what = "train.batch_tokens is less than one sequence",
                      .where = "train.batch_tokens",
                      .expected = "at least data.sequence_length = " + std::to_string(length),
                      .got = std::to_string(recipe.train.batch_tokens)});
  }
  const Tokenizer& tokenizer = *inputs.tokenizer;
  return {.objective = MakeObjective(recipe, inputs),
          .packing = {.row_tokens = length,
                      .batch_tokens = recipe.train.batch_tokens,
                      .pack = recipe.data.packing,
                      .seed = static_cast<uint64_t>(recipe.train.seed)},
          .truncate = recipe.data.too_long == "truncate",
          .pad_id = tokenizer.pad().value_or(tokenizer.eos().value_or(0))};
}

/// Refuses a set without a sample to train on, with the reasons.
void CheckNotEmpty(const std::vector<std::string>& names, const char* key,
                   const EncodedFiles& files, const SampleCounts& counts, int64_t length) {
  if (counts.used() > 0) return;
  std::string got = fmt::format("{} broken, {} longer than data.sequence_length {}",
                                files.dropped.total(), counts.dropped, length);
  if (!files.dropped.places().empty()) got += "; the first: " + files.dropped.places().front();
  throw InputError({.what = "no sample is left to train on",
                    .where = std::string(key) + " " + names.front(),
                    .expected = "a sample with an answer that fits the sequence length",
                    .got = got,
                    .hint = counts.dropped > 0
                                ? "raise data.sequence_length, or set data.too_long to truncate"
                                : "see the warnings above for what is wrong with the records"});
}

/// Answers as they are, every sample once: what NTP and MEAP can be compared on.
FinetuneStreamOptions ForValidation(FinetuneStreamOptions options, int64_t rows) {
  options.objective.duplicates = false;
  options.packing.pack = true;
  options.packing.batch_tokens = rows * options.packing.row_tokens;
  return options;
}

/// Rows and tokens of a pass: the recipe's rows, or enough tokens to fill the cores and few enough
/// to fit small machines. Rows that are not packed are of many lengths: tokens bound their number.
void SizePasses(const Recipe& recipe, FinetuneInputs& inputs) {
  constexpr int64_t kMicroTokens = 4096;
  const int64_t length = recipe.data.sequence_length;
  const int64_t row = recipe.data.packing ? length : inputs.train->LongestLength();
  const int64_t most = inputs.train->MostRows();
  if (recipe.train.micro_batch > 0) {
    inputs.micro_rows = std::min(recipe.train.micro_batch, most);
    inputs.micro_tokens = inputs.micro_rows * row;
  } else if (recipe.data.packing) {
    inputs.micro_rows = std::clamp<int64_t>(kMicroTokens / row, 1, most);
    inputs.micro_tokens = inputs.micro_rows * row;
  } else {
    inputs.micro_rows = most;
    inputs.micro_tokens = std::max(kMicroTokens, row);
  }
  inputs.validation_rows = std::max<int64_t>(1, inputs.micro_tokens / length);
  NoteCutMicroBatch(recipe, inputs.micro_rows);
}

}  // namespace

FinetuneInputs OpenFinetuneInputs(const Recipe& recipe) {
  FinetuneInputs inputs{OpenModelInputs(recipe)};
  // Text is encoded as it always was: a "[MASK]" in it is no mask.
  const Tokenizer plain = Tokenizer::Load(recipe.tokenizer);
  const ChatTemplate chat(recipe.chat_template, plain);
  inputs.chat_template = chat.name();
  // Whoever talks to the tuned model must do it in the form that it was tuned in.
  if (chat.name() != "model") inputs.tokenizer->SetChatTemplate(chat.Source(plain));
  // Generation from the tuned model stops where the stored one did, and at what ends an answer
  // under the template.
  for (const int32_t end : EndTokens(chat, plain)) AddEndToken(end, inputs.config);
  const FinetuneStreamOptions options = StreamOptions(recipe, inputs);
  const int64_t length = recipe.data.sequence_length;
  const auto open = [&](const std::vector<std::string>& names, const char* key,
                        const FinetuneStreamOptions& how, DropCounts& dropped,
                        InputHashes& hashes) {
    EncodedFiles files = ReadSamples(names, chat, plain);
    ReportDrops(files.dropped);
    dropped = files.dropped;
    for (const auto& [file, hash] : files.hashes) {
      hashes.emplace_back(std::string(key) + " " + file, hash);
    }
    auto stream = std::make_shared<FinetuneStream>(std::move(files.samples), how);
    CheckNotEmpty(names, key, files, stream->counts(), length);
    return stream;
  };
  inputs.train = open(recipe.data.train, "data.train", options, inputs.dropped, inputs.data_hashes);
  SizePasses(recipe, inputs);
  inputs.steps =
      recipe.train.steps > 0 ? recipe.train.steps : inputs.train->StepsOf(recipe.train.epochs);
  if (!recipe.data.validation.empty()) {
    DropCounts dropped;
    InputHashes may_change;
    inputs.validation = open(recipe.data.validation, "data.validation",
                             ForValidation(options, inputs.validation_rows), dropped, may_change);
  }
  return inputs;
}

bool HoldsConversations(const fs::path& path) {
  if (fs::is_directory(path)) return false;
  try {
    Conversation conversation;
    return ConversationReader(path).Next(conversation);
  } catch (const InputError&) {
    return false;
  }
}

}  // namespace meap
