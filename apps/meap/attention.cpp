#include <algorithm>
#include <memory>

#include "analysis/attention_report.h"
#include "commands.h"
#include "core/error.h"
#include "core/outputs.h"
#include "evaltext/samples.h"
#include "flag_checks.h"
#include "json_lines.h"
#include "model/device.h"

namespace meap {
namespace {

using Json = nlohmann::ordered_json;

struct AttentionArguments {
  std::vector<std::string> models;
  CorpusOptions corpus;
  std::vector<double> ratios = {0.15};
  BootstrapOptions bootstrap;
  std::string detail;
  std::string segments;  // JSON file; empty = the paper's text
  int64_t answer_tokens = 0;
  std::string output;
  CommonFlags flags;
};

/// Loads each model in turn and measures it; one model is in memory at a time.
template <class Run, class Measure>
std::vector<Run> MeasureEach(const AttentionArguments& arguments, bool needs_mask,
                             Measure&& measure) {
  std::vector<Run> runs;
  std::vector<std::string> names;
  for (const std::string& folder : arguments.models) {
    // Its windows are long: widening the weights for each takes next to nothing.
    const LoadedModel loaded = LoadModel(folder, arguments.flags.device, arguments.flags.dtype,
                                         {.needs_mask = needs_mask, .keeps_narrow = true});
    names.push_back(ModelName(folder, names));
    runs.push_back({names.back(), folder, measure(loaded)});
  }
  return runs;
}

void Begin(const AttentionArguments& arguments) {
  SetComputeThreads(ApplyCommonFlags(arguments.flags));
  RequireOutputFiles({{"--output", arguments.output}});
}

void Print(const AttentionArguments& arguments, const Json& report,
           const std::vector<TextTable>& tables) {
  if (!arguments.output.empty()) {
    WriteFileAtomically(arguments.output,
                        report.dump(1, ' ', true, Json::error_handler_t::replace) + "\n");
  }
  std::string text;
  for (const TextTable& table : tables) text += (text.empty() ? "" : "\n") + AlignedText(table);
  WriteToStdout(text);
}

/// The stream of one model, which must be that of all others: positions are compared one to one.
class SharedStream {
 public:
  const std::vector<int32_t>& Of(const LoadedModel& loaded, const CorpusOptions& corpus) {
    std::vector<int32_t> stream = ReadStream(loaded, corpus);
    if (!stream_.empty() && stream != stream_) {
      throw InputError({.what = "the models read the text as different tokens",
                        .where = "--model",
                        .expected = "models with one tokenizer",
                        .hint = "measure models of different tokenizers one by one"});
    }
    stream_ = std::move(stream);
    return stream_;
  }

 private:
  std::vector<int32_t> stream_;
};

constexpr int64_t kUsualLength = 256;

/// Without --length: the usual one, or what the first model's context holds.
void ChooseLength(CorpusOptions& corpus, const LoadedModel& loaded) {
  if (!corpus.lengths.empty()) return;
  corpus.lengths = {std::min(kUsualLength, loaded.model.config().max_position_embeddings)};
}

Json Settings(const AttentionArguments& arguments) {
  return {{"input", arguments.corpus.inputs},
          {"seed", arguments.flags.seed},
          {"resamples", arguments.bootstrap.resamples},
          {"confidence", arguments.bootstrap.confidence}};
}

void RunDecay(AttentionArguments& arguments) {
  Begin(arguments);
  arguments.bootstrap.seed = arguments.flags.seed;
  SharedStream stream;
  const auto runs =
      MeasureEach<MaskEffectRun>(arguments, /*needs_mask=*/true, [&](const LoadedModel& loaded) {
        ChooseLength(arguments.corpus, loaded);
        return MeasureMaskEffects(loaded, stream.Of(loaded, arguments.corpus), arguments.corpus,
                                  arguments.ratios, arguments.flags.seed);
      });
  Json report = MaskEffectJson(runs, arguments.bootstrap);
  report["settings"] = Settings(arguments);
  Print(arguments, report, MaskEffectTables(report, arguments.detail));
}

void RunProfile(AttentionArguments& arguments) {
  Begin(arguments);
  arguments.bootstrap.seed = arguments.flags.seed;
  const auto runs =
      MeasureEach<ProfileRun>(arguments, /*needs_mask=*/false, [&](const LoadedModel& loaded) {
        ChooseLength(arguments.corpus, loaded);
        return MeasureProfiles(loaded, ReadStream(loaded, arguments.corpus), arguments.corpus);
      });
  Json report = ProfileJson(runs, arguments.bootstrap);
  report["settings"] = Settings(arguments);
  Print(arguments, report, ProfileTables(report));
}

void RunSegments(const AttentionArguments& arguments) {
  Begin(arguments);
  const std::vector<TextSegment> segments =
      arguments.segments.empty() ? EiffelTower() : ReadSegments(arguments.segments);
  const auto runs =
      MeasureEach<SegmentRun>(arguments, /*needs_mask=*/false, [&](const LoadedModel& loaded) {
        return MeasureSegments(loaded, segments, arguments.answer_tokens);
      });
  const Json report = SegmentJson(runs);
  Print(arguments, report, SegmentTables(report));
}

void AddModelOptions(CLI::App& command, AttentionArguments& arguments) {
  command.add_option("--model", arguments.models, "Hugging Face folder (repeatable)")
      ->required()
      ->allow_extra_args(false);
  command.add_option("--output", arguments.output, "JSON file with every number");
  AddCommonFlags(command, arguments.flags, Computes::kModel);
}

void AddCorpusOptions(CLI::App& command, AttentionArguments& arguments) {
  CorpusOptions& corpus = arguments.corpus;
  command.add_option("--input", corpus.inputs, "Text to look at: files, globs or folders")
      ->required();
  command.add_option("--text-field", corpus.text_field, "Field or column that holds the text")
      ->capture_default_str();
  command
      .add_option("--length", corpus.lengths,
                  "Tokens in a window; several: 256,512 [256, or the context if it is less]")
      ->delimiter(',')
      ->check(CLI::Range(int64_t{2}, int64_t{1} << 24));
  command.add_option("--windows", corpus.windows, "Windows of each length, from the text's start")
      ->check(AtLeast(1))
      ->capture_default_str();
  command.add_option("--resamples", arguments.bootstrap.resamples, "Draws of the bootstrap")
      ->check(CLI::Range(100, 1000000))
      ->capture_default_str();
  command.add_option("--confidence", arguments.bootstrap.confidence, "Confidence of the intervals")
      ->check(CLI::Range(0.5, 0.9999))
      ->capture_default_str();
}

void AddDecay(CLI::App& attention) {
  auto arguments = std::make_shared<AttentionArguments>();
  CLI::App* command = attention.add_subcommand(
      "decay", "What masks do to attention: score decay and variance increase");
  AddModelOptions(*command, *arguments);
  AddCorpusOptions(*command, *arguments);
  command->add_option("--ratio", arguments->ratios, "Share of masked positions; several: 0.05,0.15")
      ->delimiter(',')
      ->check(CLI::Range(1e-6, 0.999999))
      ->capture_default_str();
  command->add_option("--by", arguments->detail, "Also print tables by layers or heads")
      ->check(CLI::IsMember({"layers", "heads"}));
  command->footer(
      "decay: how much less attention the masked positions get in the masked input X' than the\n"
      "same positions get in the original X; increase: of the variance of attention over the\n"
      "other positions. With several models each later one on X' is also set against the first\n"
      "one on X: the paper's NTP(X) against MEAP(X'). Intervals: bootstrap over windows and "
      "heads.\n"
      "A tokenizer without [MASK] gets one, its row being the mean of the embedding.\n"
      "Examples:\n"
      "  meap attention decay --model runs/demo/ntp/hf --model runs/demo/meap/hf \\\n"
      "    --input runs/demo/validation.jsonl --length 64,128 --ratio 0.05,0.15 "
      "--output decay.json\n"
      "  meap attention decay --model runs/meap/hf --input corpus.jsonl.zst --by layers");
  command->callback([arguments] { RunDecay(*arguments); });
}

void AddProfile(CLI::App& attention) {
  auto arguments = std::make_shared<AttentionArguments>();
  CLI::App* command = attention.add_subcommand(
      "profile", "How attention is spread: entropy, first token, distance");
  AddModelOptions(*command, *arguments);
  AddCorpusOptions(*command, *arguments);
  command->footer(
      "Example:\n"
      "  meap attention profile --model runs/demo/ntp/hf --model runs/demo/meap/hf \\\n"
      "    --input runs/demo/validation.jsonl --output profile.json");
  command->callback([arguments] { RunProfile(*arguments); });
}

void AddSegments(CLI::App& attention) {
  auto arguments = std::make_shared<AttentionArguments>();
  CLI::App* command = attention.add_subcommand(
      "segments", "Attention on named parts of a text, from its last token and from the answer");
  AddModelOptions(*command, *arguments);
  command->add_option("--input", arguments->segments,
                      "{\"segments\": [{\"name\", \"text\"}, ...]} (default: the paper's text of "
                      "the Eiffel Tower)");
  command
      ->add_option("--answer-tokens", arguments->answer_tokens,
                   "Also from a greedy answer of at most so many tokens")
      ->check(AtLeast(0))
      ->capture_default_str();
  command->footer(
      "The joined text is encoded as a whole; a token belongs to the segment in which its first\n"
      "character lies, special tokens to \"special\". A share is the mean over layers and heads.\n"
      "Examples:\n"
      "  meap attention segments --model runs/ntp/hf --model runs/meap/hf\n"
      "  meap attention segments --model DIR --input text.json --output shares.json "
      "--answer-tokens 16");
  command->callback([arguments] { RunSegments(*arguments); });
}

}  // namespace

void AddAttentionCommand(CLI::App& root) {
  CLI::App* attention = root.add_subcommand("attention", "Where a model looks, in numbers");
  attention->require_subcommand(1);
  AddDecay(*attention);
  AddProfile(*attention);
  AddSegments(*attention);
}

}  // namespace meap
