#include "experiment/experiment.h"

#include <memory>

#include "command_line.h"
#include "json_lines.h"

namespace meap {
namespace {

struct ExperimentArguments {
  std::string file;
  std::string output;
  ExperimentOptions options;
  CommonFlags flags;
};

}  // namespace

void AddExperimentCommand(CLI::App& root, ExitCode& exit_code) {
  auto arguments = std::make_shared<ExperimentArguments>();
  CLI::App* command =
      root.add_subcommand("experiment", "A grid of runs: trained, evaluated, compared");
  command->add_option("file", arguments->file, "Experiment file (YAML)")->required();
  command->add_option("--output", arguments->output,
                      "Folder of the experiment (default: the file's)");
  command->add_option("--jobs", arguments->options.jobs, "Cells at a time, sharing the threads")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  command->add_flag("--dry-run", arguments->options.dry_run, "List the cells and what is done");
  AddCommonFlags(*command, arguments->flags, Computes::kOnThreads);
  command->footer(
      "Each cell is kept under a hash of its resolved recipe. The same command goes on where a\n"
      "stopped one was: finished cells are not run again, others resume from their checkpoint.\n"
      "The output folder gets cells/, experiment.json and experiment.md. The file:\n"
      "  recipe: ../demo.yaml                 # relative to the file\n"
      "  set: {train.steps: 300}              # over the recipe, in every cell\n"
      "  grid: {objective.mask_ratio: [0, 0.15], train.seed: [1, 2, 3]}\n"
      "  baseline: {objective.mask_ratio: 0}  # what each setting is compared with\n"
      "  evaluate: [attention decay --input text.jsonl]   # --model and --output are added\n"
      "  output: runs/experiments/mine\n"
      "Examples:\n"
      "  meap experiment recipes/experiments/pretrain-ratio-small.yaml --jobs 2\n"
      "  meap experiment recipes/experiments/pretrain-ratio-small.yaml --dry-run");
  command->callback([arguments, &exit_code] {
    arguments->options.threads = ApplyCommonFlags(arguments->flags);
    arguments->options.check_command = CheckCommandLine;
    const ExperimentOutcome outcome =
        RunExperiment(ReadExperimentFile(arguments->file, arguments->output), arguments->options);
    WriteToStdout(outcome.text);
    exit_code = outcome.exit_code;
  });
}

}  // namespace meap
