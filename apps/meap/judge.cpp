#include <fmt/format.h>

#include <memory>

#include "commands.h"
#include "core/console.h"
#include "core/error.h"
#include "core/outputs.h"
#include "flag_checks.h"
#include "json_lines.h"
#include "judge/ask.h"
#include "judge/batch_file.h"
#include "judge/render.h"

namespace meap {
namespace {

using Json = nlohmann::ordered_json;

struct JudgeArguments {
  std::vector<std::string> results;
  std::string judges;
  std::string calibration;
  CaseOptions cases;
  std::string output;
  std::string samples;
  std::string cache = ".cache/meap/judge-replies.jsonl";
  std::string batch_write;
  std::vector<std::string> batch_read;
  bool no_repair = false;
  bool accept_failures = false;
  CommonFlags flags;
};

void CheckArguments(const JudgeArguments& arguments) {
  if (arguments.judges.empty()) {
    throw InputError({.what = "no judge is configured, so there are no verdicts",
                      .where = "--judges",
                      .expected = std::string("a YAML file such as\n") + kJudgesExample,
                      .hint =
                          "without a judge at hand, `meap eval` gives `unsupported` and `clean`, "
                          "which need none"});
  }
  if (arguments.results.empty() && arguments.calibration.empty()) {
    throw InputError({.what = "nothing to judge",
                      .expected = "results.json files, or --calibration FILE, or both"});
  }
  const bool judged = !arguments.results.empty() && arguments.batch_write.empty();
  if (judged && arguments.output.empty()) {
    throw InputError({.what = "no place for the judged results",
                      .where = "--output",
                      .expected = "a file; it may be the results file itself"});
  }
  RequireOutputFiles({{"--output", arguments.output}, {"--samples", arguments.samples}},
                     {{"--calibration", arguments.calibration}});
}

/// Everything that is judged in this call.
struct Work {
  std::vector<EvalRun> runs;
  PromptSet prompts;
  std::vector<SummaryCase> cases;
  std::vector<LabelledCase> labelled;
};

Work ReadWork(const JudgeArguments& arguments) {
  Work work;
  if (!arguments.results.empty()) {
    work.runs = ReadRuns(std::vector<fs::path>(arguments.results.begin(), arguments.results.end()));
    MakeNamesDifferent(work.runs);
    work.cases = CollectCases(work.runs, arguments.cases, work.prompts);
  }
  if (!arguments.calibration.empty()) {
    work.labelled = ReadLabelledCases(arguments.calibration, work.prompts);
  }
  return work;
}

void WriteBatch(const JudgeArguments& arguments, const std::vector<Judge>& judges, const Work& work,
                const ReplyCache& cache) {
  const auto files = WriteBatches(judges, work.prompts.prompts(), cache, !arguments.no_repair,
                                  arguments.batch_write);
  for (const BatchFile& file : files) {
    const Json line = {{"judge", file.judge},
                       {"requests", file.requests},
                       {"file", file.requests > 0 ? Json(file.file.string()) : Json(nullptr)}};
    WriteToStdout(line.dump(-1, ' ', true) + "\n");
  }
}

/// Why a judge's verdicts may be missing.
struct Failures {
  size_t refused = 0;  // requests that the server will never answer
  std::string last;    // what it said last
};

std::vector<Failures> ReadBatch(const JudgeArguments& arguments, const std::vector<Judge>& judges,
                                const Work& work, ReplyCache& cache) {
  const std::vector<fs::path> files(arguments.batch_read.begin(), arguments.batch_read.end());
  const BatchReplies replies =
      ReadBatchReplies(files, judges, work.prompts.prompts(), cache, !arguments.no_repair);
  Note(fmt::format("{} replies read; {} belong to no open request", replies.kept, replies.unknown));
  if (replies.failed > 0) {
    Warn(fmt::format("{} requests of the batch failed, the last with: {}", replies.failed,
                     replies.last_failure));
  }
  std::vector<Failures> failures;
  for (const Judge& judge : judges) {
    const auto refused = replies.refused.find(judge.name);
    failures.push_back(
        {refused == replies.refused.end() ? 0 : refused->second, "no reply in the batch files"});
  }
  return failures;
}

/// Asks what is not in the cache; the exit code when a signal stopped it.
std::optional<ExitCode> Ask(const JudgeArguments& arguments, const std::vector<Judge>& judges,
                            const Work& work, ReplyCache& cache, std::vector<Failures>& failures) {
  const AskOutcome outcome =
      AskJudges(judges, work.prompts.prompts(), cache, {.repair = !arguments.no_repair});
  for (size_t j = 0; j < judges.size(); ++j) {
    const AskReport& report = outcome.reports[j];
    Note(fmt::format("{}: {} requests answered ({} tokens in, {} out), {} tries repeated",
                     judges[j].name, report.asked, report.prompt_tokens, report.reply_tokens,
                     report.tries_again));
    failures.push_back({report.refused, report.last_failure});
  }
  return outcome.stopped;
}

/// A judge with verdicts missing makes no figure; only those that its server refuses may be taken
/// as undecided, and those are the user's to take.
void CheckComplete(const JudgeArguments& arguments, const std::vector<Judge>& judges,
                   const Opinions& opinions, const std::vector<Failures>& failures) {
  const bool offline = !arguments.batch_read.empty();
  for (size_t j = 0; j < judges.size(); ++j) {
    const size_t missing = opinions.missing[j];
    const size_t refused = failures[j].refused;
    if (missing == 0) continue;
    std::string what = fmt::format("{} of {} verdicts of the judge {} are missing", missing,
                                   opinions.of[j].size(), judges[j].name);
    if (refused > 0) what += fmt::format(", {} of them refused", refused);
    if (arguments.accept_failures && missing <= refused) {
      Warn(what + ": they count as undecided");
      continue;
    }
    const std::string again =
        offline ? "--batch-write writes the requests that are open, repairs included"
                : "run the same command again: what was answered is kept and not asked again";
    throw WorkError({.what = what,
                     .where = judges[j].url,
                     .got = failures[j].last,
                     .hint = again + "; --accept-failures counts those as undecided that the "
                                     "server refuses"});
  }
}

/// Beside the output, unless named: results.json -> results.samples.jsonl.
fs::path SamplesFile(const JudgeArguments& arguments) {
  if (!arguments.samples.empty()) return arguments.samples;
  return fs::path(arguments.output).replace_extension("samples.jsonl");
}

void Conclude(const JudgeArguments& arguments, const std::vector<Judge>& judges, Work& work,
              const Opinions& opinions) {
  Json calibration;
  std::string text;
  if (!work.labelled.empty()) {
    const auto all = CalibrateJudges(judges, work.labelled, opinions);
    calibration = CalibrationJson(arguments.calibration, all);
    text = RenderCalibration(all);
  }
  if (!work.runs.empty()) {
    const auto tasks = ApplyVerdicts(judges, work.cases, opinions, work.runs);
    WriteJudgedRuns(work.runs, calibration, arguments.output, SamplesFile(arguments));
    text = RenderVerdicts(tasks) + (text.empty() ? "" : "\n" + text);
  } else if (!arguments.output.empty()) {
    WriteFileAtomically(arguments.output, Json({{"calibration", calibration}}).dump(1) + "\n");
  }
  WriteToStdout(text);
}

ExitCode RunJudge(const JudgeArguments& arguments) {
  ApplyCommonFlags(arguments.flags);
  CheckArguments(arguments);
  const std::vector<Judge> judges = ReadJudges(arguments.judges);
  Work work = ReadWork(arguments);
  CheckEarlierJudges(judges, work.cases, work.runs);
  ReplyCache cache(arguments.cache);
  std::vector<Failures> failures;
  if (!arguments.batch_read.empty()) failures = ReadBatch(arguments, judges, work, cache);
  if (!arguments.batch_write.empty()) {
    WriteBatch(arguments, judges, work, cache);
    return ExitCode::kDone;
  }
  if (arguments.batch_read.empty()) {
    if (const auto stopped = Ask(arguments, judges, work, cache, failures)) return *stopped;
  }
  const Opinions opinions =
      ReadOpinions(judges, work.prompts.prompts(), cache, !arguments.no_repair);
  CheckComplete(arguments, judges, opinions, failures);
  Conclude(arguments, judges, work, opinions);
  return ExitCode::kDone;
}

}  // namespace

void AddJudgeCommand(CLI::App& root, ExitCode& exit_code) {
  auto arguments = std::make_shared<JudgeArguments>();
  CLI::App* command = root.add_subcommand(
      "judge", "Hallucination in summaries, judged by language models behind the OpenAI chat API");
  command->add_option(
      "results", arguments->results,
      "results.json files of `meap eval --samples` with xsum, multi_news or wikisum");
  command->add_option("--judges", arguments->judges, "YAML file that says who judges");
  command->add_option("--output", arguments->output, "Results with the verdicts in them");
  command->add_option("--samples", arguments->samples,
                      "Samples with the verdicts (default: OUTPUT with .samples.jsonl)");
  command->add_option("--tasks", arguments->cases.tasks, "Tasks to judge (default: all summaries)")
      ->delimiter(',')
      ->transform(Trimmed());
  command
      ->add_option("--limit", arguments->cases.limit,
                   "Summaries of each model and task at most (default: all)")
      ->check(AtLeast(0));
  command->add_option(
      "--calibration", arguments->calibration,
      "Summaries judged by people (file or folder): tells how far to trust a judge");
  command->add_option("--cache", arguments->cache, "Replies so far; nothing in it is asked again")
      ->capture_default_str();
  command->add_option("--batch-write", arguments->batch_write,
                      "Ask nobody: write FOLDER/JUDGE.jsonl for the OpenAI batch API and end");
  command->add_option("--batch-read", arguments->batch_read,
                      "Ask nobody: take the replies from the batch API's output files");
  command->add_flag("--no-repair", arguments->no_repair,
                    "A reply without a verdict is undecided at once, not asked about once more");
  command->add_flag("--accept-failures", arguments->accept_failures,
                    "Count summaries that a judge's server refuses to look at as undecided instead "
                    "of failing");
  AddCommonFlags(*command, arguments->flags, Computes::kNothing);
  command->footer(std::string("The judges file:\n") + kJudgesExample +
                  "\n\nExamples:\n"
                  "  meap judge results.json --judges judges.yaml --output judged.json\n"
                  "  meap judge --judges judges.yaml --calibration hallucination_calibration/\n"
                  "  meap judge results.json --judges judges.yaml --batch-write batch/\n"
                  "  meap judge results.json --judges judges.yaml --batch-read batch/out.jsonl "
                  "--output judged.json\n"
                  "  meap compare judged.json");
  command->callback([arguments, &exit_code] { exit_code = RunJudge(*arguments); });
}

}  // namespace meap
