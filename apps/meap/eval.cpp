#include <fmt/format.h>

#include <memory>
#include <optional>

#include "commands.h"
#include "compare/render.h"
#include "core/console.h"
#include "core/error.h"
#include "core/outputs.h"
#include "core/signals.h"
#include "core/strings.h"
#include "eval/evaluate.h"
#include "flag_checks.h"
#include "json_lines.h"
#include "model/device.h"
#include "version.h"

namespace meap {
namespace {

struct EvalArguments {
  std::vector<std::string> models;
  std::vector<std::string> tasks;
  std::vector<std::string> task_files;
  std::vector<std::string> few_shot;
  int num_few_shot = -1;
  std::string data = ".";
  std::string output;
  std::string samples;
  std::string cache;
  std::string bos = "tokenizer";
  bool list = false;
  std::vector<ChosenTask> chosen;  // what --tasks names
  EvalOptions options;
  CommonFlags flags;
};

/// Where results go, checked before any work.
struct OutputPaths {
  fs::path results;
  fs::path samples;
  fs::path cache;  // "" without one

  /// The samples file as the results file names it.
  std::string relative_samples() const {
    return samples.empty() ? ""
                           : fs::absolute(samples)
                                 .lexically_relative(fs::absolute(results).parent_path())
                                 .string();
  }
};

OutputPaths PathsOf(const EvalArguments& arguments) {
  OutputPaths paths{arguments.output, arguments.samples, arguments.cache};
  if (arguments.cache == "none") {
    paths.cache.clear();
  } else if (arguments.cache.empty() && !arguments.output.empty()) {
    paths.cache = arguments.output + ".cache.jsonl";
  }
  RequireOutputFiles(
      {{"--output", paths.results}, {"--samples", paths.samples}, {"--cache", paths.cache}});
  return paths;
}

EvalInputs InputsOf(const EvalArguments& arguments) {
  EvalInputs inputs = arguments.options.inputs;
  inputs.data = arguments.data;
  if (arguments.num_few_shot >= 0) {
    inputs.num_few_shot = static_cast<size_t>(arguments.num_few_shot);
  }
  for (const std::string& word : arguments.few_shot) {
    const size_t equals = word.find('=');
    if (equals == std::string::npos || equals == 0) {
      throw InputError({.what = "cannot read --fewshot",
                        .where = "--fewshot " + word,
                        .expected = "TASK=FILE.jsonl",
                        .got = word});
    }
    inputs.few_shot_files.emplace_back(word.substr(0, equals), word.substr(equals + 1));
  }
  return inputs;
}

void PrintTasks(const TaskRegistry& registry) {
  std::string text;
  for (const TaskInfo& task : registry.Tasks()) {
    text += fmt::format("{:<20} {}\n{:<20}   data:    {}\n{:<20}   metrics: {}\n", task.name,
                        task.summary, "", task.data, "", task.metrics);
  }
  text += "\nGroups:\n";
  for (const auto& [group, tasks] : registry.Groups()) {
    text += fmt::format("{:<20} {}\n", group, Join(tasks, ", "));
  }
  text += "\nKeys of a task file (--task-file):\n";
  for (const OptionText& key : TaskFileKeys()) {
    text += fmt::format("{:<20} {}\n", key.name, key.info.help);
  }
  WriteToStdout(text);
}

nlohmann::ordered_json Versions() {
  nlohmann::ordered_json versions = {
      {"meap", kVersion}, {"revision", nullptr}, {"torch", kTorchVersion}};
  if (kRevision[0] != '\0') versions["revision"] = kRevision;
  return versions;
}

/// Says which tasks have items without a score: a table of means does not show it.
void WarnOfSkipped(const std::vector<ModelRun>& runs) {
  for (const ModelRun& run : runs) {
    for (const auto& [task, outcome] : run.tasks) {
      const std::string skipped = SkippedText(outcome.samples);
      if (skipped.empty()) continue;
      Warn((runs.size() > 1 ? run.name + ", " : "") + task + ": " + skipped);
    }
  }
}

void WriteResults(const std::vector<ModelRun>& runs, const OutputPaths& paths) {
  std::vector<EvalRun> shown;
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  std::string lines;
  for (const ModelRun& run : runs) {
    EvalRun one{run.name, paths.results, RunJson(run, paths.relative_samples()), SamplesOf(run)};
    for (const EvalSample& sample : one.samples) lines += SampleLine(sample) + "\n";
    list.push_back(one.object);
    shown.push_back(std::move(one));
  }
  if (!paths.samples.empty()) WriteFileAtomically(paths.samples, lines);
  if (!paths.results.empty()) {
    WriteFileAtomically(paths.results, ResultsDocument(list).dump(2, ' ', true) + "\n");
  }
  WriteToStdout(RenderTerminal(Compare(std::move(shown), {}), StdoutTakesColor()));
}

TaskRegistry RegistryOf(const EvalArguments& arguments) {
  TaskRegistry registry;
  for (const std::string& file : arguments.task_files) registry.AddFiles(file);
  return registry;
}

/// Reads what the words name, without any work: an experiment finds a wrong name before it trains
/// what shall be evaluated.
void ChooseTasks(EvalArguments& arguments) {
  if (arguments.list) return;
  arguments.chosen = RegistryOf(arguments).Choose(arguments.tasks);
  const std::vector<ChosenTask>& tasks = arguments.chosen;
  if (tasks.empty() || arguments.models.empty()) {
    throw InputError({.what = "nothing to evaluate",
                      .where = tasks.empty() ? "--tasks" : "--model",
                      .expected = "--model DIR --tasks NAME,...",
                      .hint = "`meap eval --list` shows all tasks"});
  }
  arguments.options.inputs = InputsOf(arguments);
  CheckFewShotNames(tasks, arguments.options.inputs);
}

void RunEval(const EvalArguments& arguments) {
  if (arguments.list) return PrintTasks(RegistryOf(arguments));
  const OutputPaths paths = PathsOf(arguments);
  const int threads = ApplyCommonFlags(arguments.flags);
  SetComputeThreads(threads);
  const SignalGuard signals;
  std::optional<RequestCache> cache;
  if (!paths.cache.empty()) cache.emplace(paths.cache);
  EvalOptions options = arguments.options;
  options.device = arguments.flags.device;
  options.dtype = arguments.flags.dtype;
  if (arguments.bos != "tokenizer") options.add_bos = arguments.bos == "add";
  std::vector<ModelRun> runs;
  std::vector<std::string> names;
  RunCounts counts;
  for (const std::string& model : arguments.models) {
    names.push_back(ModelName(model, names));
    runs.push_back(EvaluateModel(model, names.back(), arguments.chosen, options,
                                 cache ? &*cache : nullptr, counts));
    runs.back().settings["versions"] = Versions();
    runs.back().settings["threads"] = threads;
  }
  WriteResults(runs, paths);
  WarnOfSkipped(runs);
  Note(fmt::format("requests: {} computed, {} from the cache of finished ones", counts.computed,
                   counts.cached));
}

void AddTaskOptions(CLI::App& command, EvalArguments& arguments) {
  command.add_option("--tasks", arguments.tasks, "Tasks and groups, by commas")
      ->delimiter(',')
      ->transform(Trimmed());
  command.add_option("--task-file", arguments.task_files, "A task of your own: YAML, or a folder")
      ->allow_extra_args(false);
  command.add_option("--data", arguments.data, "Folder with the tasks' data")
      ->capture_default_str();
  command.add_option("--limit", arguments.options.inputs.limit, "Items of a task (default: all)")
      ->check(AtLeast(1));
  command
      .add_option("--fewshot", arguments.few_shot,
                  "TASK=FILE: examples before every item, in the task's own format")
      ->allow_extra_args(false);
  command.add_option("--num-fewshot", arguments.num_few_shot, "How many of them (default: all)")
      ->check(AtLeast(0));
  command
      .add_option("--text", arguments.options.inputs.texts,
                  "Files of the task perplexity (repeatable)")
      ->allow_extra_args(false);
}

}  // namespace

void AddEvalCommand(CLI::App& root) {
  auto arguments = std::make_shared<EvalArguments>();
  CLI::App* command = root.add_subcommand("eval", "Score models on tasks");
  command->add_flag("--list", arguments->list, "Show all tasks with their data and metrics");
  command->add_option("--model", arguments->models, "Hugging Face folder (repeatable)")
      ->allow_extra_args(false);
  AddTaskOptions(*command, *arguments);
  command->add_option("--output", arguments->output, "results.json");
  command->add_option("--samples", arguments->samples, "A line for each item: answers and scores")
      ->needs("--output");
  command->add_option(
      "--cache", arguments->cache,
      "Finished requests, to go on after a stop (default: OUTPUT.cache.jsonl; none)");
  command->add_option("--bos", arguments->bos, "Whether BOS stands before every prompt")
      ->check(CLI::IsMember({"tokenizer", "add", "none"}))
      ->capture_default_str();
  command
      ->add_option("--template", arguments->options.chat_template,
                   "Chat template for tasks answered in words: auto (the model's own, if it has "
                   "one), none, or a name as for `meap chat`")
      ->capture_default_str();
  command
      ->add_option("--max-length", arguments->options.max_length,
                   "Tokens of the model's context to use (default: all)")
      ->check(AtLeast(1));
  AddCommonFlags(*command, arguments->flags, Computes::kModel);
  command->footer(
      "stdout gets a table; several models stand side by side. docs/evaluation.md.\n"
      "Examples:\n"
      "  meap eval --list\n"
      "  meap eval --model runs/meap/hf --tasks commonsense --data DATA --output results.json\n"
      "  meap eval --model runs/ntp/hf --model runs/meap/hf --tasks mdqa20,needle --data DATA \\\n"
      "      --limit 50 --output results.json --samples samples.jsonl\n"
      "  meap eval --model DIR --tasks perplexity --text validation.jsonl");
  command->parse_complete_callback([arguments, command] {
    if (command->remaining_size() == 0) ChooseTasks(*arguments);  // else CLI11 names what is wrong
  });
  command->callback([arguments] { RunEval(*arguments); });
}

}  // namespace meap
