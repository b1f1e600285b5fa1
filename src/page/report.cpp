#include "page/report.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "page/assets.h"
#include "page/attention_section.h"
#include "page/eval_groups.h"
#include "page/eval_sections.h"
#include "page/experiment_section.h"
#include "page/model_names.h"
#include "page/training_sections.h"

namespace meap {
namespace {

using Json = nlohmann::ordered_json;

Json ReadJson(const fs::path& file) {
  return Json::parse(ReadFile(file, "report input"), nullptr, false);
}

/// The runs of a results file; one of a single run is that run.
Json RunsOf(const Json& document) {
  const auto runs = document.find("runs");
  return runs == document.end() ? Json::array({document}) : *runs;
}

/// True for what `meap eval` and `meap judge` write: tasks with numbers under `results`.
bool IsResults(const Json& document) {
  if (!document.is_object()) return false;
  const Json list = RunsOf(document);
  return list.is_array() && !list.empty() &&
         std::all_of(list.begin(), list.end(), [](const Json& run) {
           const Json results = run.is_object() ? run.value("results", Json()) : Json();
           return results.is_object() &&
                  std::all_of(results.begin(), results.end(),
                              [](const Json& task) { return task.is_object(); });
         });
}

/// Adds the file where it belongs; false when a report has no use for it.
bool AddFile(const fs::path& file, ReportInputs& inputs) {
  if (file.extension() != ".json") return false;
  const Json document = ReadJson(file);
  if (IsAttentionReport(document)) {
    inputs.attention.push_back(file);
  } else if (IsExperiment(document)) {
    inputs.experiments.push_back(file);
  } else if (IsResults(document)) {
    inputs.results.push_back(file);
  } else {
    return false;
  }
  return true;
}

/// Adds a run folder and what lies in it.
bool AddFolder(const fs::path& folder, ReportInputs& inputs) {
  std::vector<fs::path> entries;
  for (const auto& entry : fs::directory_iterator(folder)) entries.push_back(entry.path());
  std::sort(entries.begin(), entries.end());
  bool found = IsTrainingRun(folder);
  if (found) inputs.training.push_back(folder);
  for (const fs::path& entry : entries) {
    if (fs::is_regular_file(entry) && AddFile(entry, inputs)) found = true;
  }
  return found;
}

/// What tells two evaluations of the same models on the same tasks.
std::string Subject(const Json& document) {
  std::string subject;
  for (const Json& run : RunsOf(document)) {
    subject += run.value("name", Json()).dump() + run.value("model", Json()).dump();
    for (const auto& [task, ignored] : run.at("results").items()) subject += " " + task;
  }
  return subject;
}

bool IsJudged(const Json& document) {
  const Json list = RunsOf(document);
  return std::any_of(list.begin(), list.end(),
                     [](const Json& run) { return run.contains("verdicts"); });
}

/// results.json beside the judged.json that was made from it says nothing of its own.
void DropUnjudgedTwins(std::vector<fs::path>& files) {
  std::vector<std::string> judged;
  for (const fs::path& file : files) {
    const Json document = ReadJson(file);
    if (IsJudged(document)) judged.push_back(Subject(document));
  }
  std::erase_if(files, [&](const fs::path& file) {
    const Json document = ReadJson(file);
    const bool has_twin =
        std::find(judged.begin(), judged.end(), Subject(document)) != judged.end();
    return has_twin && !IsJudged(document);
  });
}

std::vector<Json> ReadAll(const std::vector<fs::path>& files) {
  std::vector<Json> documents;
  for (const fs::path& file : files) documents.push_back(ReadJson(file));
  return documents;
}

std::vector<TrainingRun> ReadTraining(const std::vector<fs::path>& folders) {
  std::vector<TrainingRun> runs;
  std::vector<std::string> names;
  for (const fs::path& folder : folders) {
    names.push_back(ModelName(folder, names));
    runs.push_back(ReadTrainingRun(folder, names.back()));
  }
  return runs;
}

std::vector<EvalRun> ReadEvaluations(const std::vector<fs::path>& files, ModelNames& names) {
  std::vector<EvalRun> runs = ReadRuns(files);
  for (EvalRun& run : runs) {
    run.name =
        names.Of(run.name, run.object.value("model", ""), run.object.value("model_hash", ""));
  }
  return JoinedByModel(std::move(runs));
}

PageSection AwaitedSection(const std::vector<fs::path>& paths) {
  PageSection section("Awaited");
  for (const fs::path& path : paths) {
    section.AddText("Nothing to show yet: " + path.string() +
                    (fs::exists(path) ? " holds neither a run nor results." : " is not there."));
  }
  return section;
}

template <typename T>
void RemoveRepeated(std::vector<T>& values) {
  std::vector<T> kept;
  for (const T& value : values) {
    if (std::find(kept.begin(), kept.end(), value) == kept.end()) kept.push_back(value);
  }
  values = std::move(kept);
}

}  // namespace

ReportInputs FindReportInputs(const std::vector<fs::path>& paths, bool waits) {
  ReportInputs inputs;
  for (const fs::path& path : paths) {
    bool found = false;
    if (fs::is_directory(path)) {
      found = AddFolder(path, inputs);
      std::vector<fs::path> folders;
      for (const auto& entry : fs::directory_iterator(path)) folders.push_back(entry.path());
      std::sort(folders.begin(), folders.end());
      for (const fs::path& folder : folders) {
        if (IsTrainingRun(folder)) found = AddFolder(folder, inputs) || found;
      }
    } else if (fs::exists(path) || !waits) {
      found = AddFile(path, inputs);
    }
    if (found) continue;
    if (waits && (fs::is_directory(path) || !fs::exists(path))) {
      inputs.awaited.push_back(path);
      continue;
    }
    throw InputError({.what = "nothing to report on",
                      .where = path.string(),
                      .expected =
                          "a run folder (metrics.jsonl), a folder of such, or a JSON file of "
                          "meap eval, judge, attention or experiment",
                      .got = fs::exists(path) ? "none of these" : "no such file"});
  }
  for (auto* files : {&inputs.training, &inputs.results, &inputs.attention, &inputs.experiments}) {
    for (fs::path& file : *files) file = file.lexically_normal();
    RemoveRepeated(*files);
  }
  DropUnjudgedTwins(inputs.results);
  return inputs;
}

std::string RenderReport(const ReportInputs& inputs, const ReportOptions& options) {
  const std::string plotly = PlotlyScript(options.plotly);
  RunColors colors;
  const std::vector<TrainingRun> training = ReadTraining(inputs.training);
  ModelNames names(training);
  for (const TrainingRun& run : training) colors.Of(run.name);
  std::vector<PageSection> sections = {AwaitedSection(inputs.awaited), OverviewSection(training),
                                       RecipeSection(training), LossSection(training, colors)};
  for (PageSection& section : EvaluationSections(ReadEvaluations(inputs.results, names), colors)) {
    sections.push_back(std::move(section));
  }
  sections.push_back(AttentionSection(ReadAll(inputs.attention), names, colors));
  sections.push_back(ExperimentSection(ReadAll(inputs.experiments)));
  sections.push_back(SpeedSection(training, colors));
  return RenderPage({.title = options.title, .reload = options.reload}, sections, plotly);
}

bool AllEnded(const ReportInputs& inputs) {
  return inputs.awaited.empty() &&
         std::none_of(inputs.training.begin(), inputs.training.end(), IsTraining);
}

}  // namespace meap
