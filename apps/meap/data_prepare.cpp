#include <chrono>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "core/console.h"
#include "core/signals.h"
#include "data/prepare.h"
#include "data_commands.h"

namespace meap {
namespace {

struct Flags {
  CommonFlags common;
  std::string tokenizer;
  std::string output;
  std::string eos;
  std::vector<std::string> inputs;
  PrepareOptions options;
};

void Prepare(Flags& flags) {
  const auto begin = std::chrono::steady_clock::now();
  flags.options.threads = ApplyCommonFlags(flags.common);
  const SignalGuard signals;
  const auto tokenizer = std::make_shared<Tokenizer>(Tokenizer::Load(flags.tokenizer));
  const PrepareResult result = Prepare(
      ExpandInputs(flags.inputs), MakeEncoder(tokenizer, flags.eos), flags.output, flags.options);
  if (result.reused) {
    Note(flags.output + " holds exactly this already; nothing to do (--overwrite makes it anew)");
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  const Manifest& manifest = result.manifest;
  const nlohmann::ordered_json summary = {{"documents", manifest.documents()},
                                          {"tokens", manifest.tokens()},
                                          {"bytes", manifest.text_bytes()},
                                          {"dropped", manifest.dropped().total()},
                                          {"dropped_by_reason", DropsToJson(manifest.dropped())},
                                          {"shards", manifest.shards.size()},
                                          {"files", manifest.sources.size()},
                                          {"files_resumed", result.resumed_sources},
                                          {"reused", result.reused},
                                          {"output", flags.output},
                                          {"seconds", seconds.count()}};
  const auto replace = nlohmann::ordered_json::error_handler_t::replace;
  std::printf("%s\n", summary.dump(-1, ' ', true, replace).c_str());
}

}  // namespace

void AddDataPrepareCommand(CLI::App& data) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command = data.add_subcommand("prepare", "Encode text files into token shards");
  PrepareOptions& options = flags->options;
  command
      ->add_option("FILE", flags->inputs, "Files, folders or globs: " + std::string(kInputFormats))
      ->required();
  command->add_option("--tokenizer", flags->tokenizer, "Tokenizer folder")->required();
  command->add_option("--output", flags->output, "Folder to write, for data.train")->required();
  command
      ->add_option("--text-field", options.reader.text_field,
                   "Field or column that holds the text; a dot goes into nested objects")
      ->capture_default_str();
  command->add_flag("--dedup", options.dedup, "Drop documents whose text came before");
  command->add_option("--eos", flags->eos,
                      "Token to put after each document (default: the tokenizer's eos_token)");
  command->add_flag("--overwrite", options.overwrite, "Replace prepared data at --output");
  AddCommonFlags(*command, flags->common, Computes::kOnThreads);
  command->footer(
      "Each document becomes [BOS] ids EOS, with BOS where the tokenizer's post-processor adds "
      "one.\n"
      "Plain text: documents stand between lines that hold only <|endoftext|>; without such a "
      "line\n"
      "a file is one document. A text above 16 MiB is cut at a line end into several.\n"
      "Lines that cannot be used are counted by reason, and the first few are shown.\n"
      "The same input gives the same bytes with any number of threads. A stopped run goes on when\n"
      "the same command is run again; until it is done nothing stands at --output.\n\n"
      "Examples:\n"
      "  meap data prepare --tokenizer tok --output corpus 'raw/*.jsonl.zst'\n"
      "  meap data prepare --tokenizer tok --output corpus --text-field meta.body --dedup raw/\n"
      "  meap data prepare --tokenizer gpt2 --eos '<|endoftext|>' --output books books.txt");
  command->callback([flags] { Prepare(*flags); });
}

}  // namespace meap
