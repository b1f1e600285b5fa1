#include <chrono>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/outputs.h"
#include "core/signals.h"
#include "data/synth.h"
#include "data_commands.h"
#include "flag_checks.h"

namespace meap {
namespace {

struct Flags {
  CommonFlags common;
  SynthOptions options;
  std::string output;
  std::string probe;
  uint64_t documents = 10000;
  uint64_t probes = 400;
};

void Synth(const Flags& flags) {
  const int threads = ApplyCommonFlags(flags.common);
  if (flags.output.empty() && flags.probe.empty()) {
    throw InputError({.what = "data synth was told to write nothing",
                      .expected = "--output FILE.jsonl, --probe FILE.jsonl or both",
                      .hint = "see meap data synth --help"});
  }
  RequireOutputFiles({{"--output", flags.output}, {"--probe", flags.probe}});
  const SignalGuard signals;
  const auto begin = std::chrono::steady_clock::now();
  nlohmann::ordered_json summary;
  if (!flags.output.empty()) {
    const SynthSummary made =
        WriteSynthDocuments(flags.output, flags.documents, flags.options, threads);
    summary["output"] = flags.output;
    summary["documents"] = made.documents;
    summary["bytes"] = made.bytes;
  }
  if (!flags.probe.empty()) {
    const SynthSummary made = WriteSynthProbes(flags.probe, flags.probes, flags.options, threads);
    summary["probe"] = flags.probe;
    summary["probes"] = made.documents;
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  summary["seconds"] = seconds.count();
  const auto replace = nlohmann::ordered_json::error_handler_t::replace;
  std::printf("%s\n", summary.dump(-1, ' ', true, replace).c_str());
}

}  // namespace

void AddDataSynthCommand(CLI::App& data) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command =
      data.add_subcommand("synth", "Make English stories with facts to look up, of any size");
  SynthOptions& options = flags->options;
  command->add_option("--output", flags->output, "JSON Lines file to write: {\"text\"}");
  command->add_option("--documents", flags->documents, "Stories to write")
      ->check(AtLeast(1))
      ->capture_default_str();
  command->add_option("--probe", flags->probe,
                      "JSON Lines file of held-out questions to write: {\"context\", \"question\", "
                      "\"answer\", \"choices\", \"depth\", \"facts\"}");
  command->add_option("--probes", flags->probes, "Questions to write")
      ->check(AtLeast(1))
      ->capture_default_str();
  command->add_option("--seed", options.seed, "Seed: the same seed gives the same bytes")
      ->check(SeedNumber())
      ->capture_default_str();
  command->add_option("--facts", options.facts, "Facts in a story, 1 to 12")->capture_default_str();
  command
      ->add_option("--min-facts", options.min_facts,
                   "Fewest facts in a story, when their number shall vary; 0: as --facts")
      ->capture_default_str();
  command->add_option("--filler", options.filler, "Sentences between and after the facts")
      ->capture_default_str();
  command->add_option("--repeats", options.repeats, "A fact is stated 1 to this many times")
      ->capture_default_str();
  command->add_flag("--sentences,!--words", options.sentences,
                    "Answers repeat the question's words (the default), or are the value alone");
  AddCommonFlags(*command, flags->common, Computes::kOnThreads);
  command->footer(
      "A story states facts early (\"Remember that the code of the blue lantern is 48.\"), goes "
      "on\n"
      "about other things and ends with a question for each fact. A probe is such a story, never\n"
      "one of the written ones, with one question: a model continues context + question with\n"
      "\" \" + answer; the choices are values of the same kind, those of the story first.\n\n"
      "Examples:\n"
      "  meap data synth --output stories.jsonl --documents 50000 --seed 1 --probe probes.jsonl\n"
      "  meap data synth --output long.jsonl --documents 5000 --facts 8 --filler 60 --repeats 1");
  command->callback([flags] { Synth(*flags); });
}

}  // namespace meap
