#include "page/training_run.h"

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "config/yaml_reader.h"
#include "core/error.h"
#include "report/metrics.h"

namespace meap {
namespace {

using Json = nlohmann::json;

void AddLine(const Json& object, TrainingRun& run) {
  const auto step = object.find("step");
  if (step == object.end() || !step->is_number()) return;
  run.last_step = std::max(run.last_step, step->get<double>());
  for (const auto& [name, value] : object.items()) {
    if (name == "step" || !value.is_number()) continue;
    run.metrics[name].emplace_back(step->get<double>(), value.get<double>());
  }
}

void ReadMetrics(const fs::path& file, TrainingRun& run) {
  const std::string text = ReadFile(file, "metrics");
  size_t number = 0;
  for (std::string_view rest = text; !rest.empty();) {
    ++number;
    const size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const Json object = Json::parse(line, nullptr, false);
    if (object.is_object()) {
      AddLine(object, run);
    } else if (!rest.empty()) {
      throw InputError({.what = "not a metrics file",
                        .where = file.string() + ":" + std::to_string(number),
                        .expected = "a JSON object a line, as training writes them"});
    }
  }
}

/// Whether all steps of the recipe were taken and the model exported; a resumed run has the model
/// of its shorter self. A recipe may leave the steps to its epochs: then they are not known here.
bool IsWhole(const TrainingRun& run) {
  const std::string steps = run.Key("train.steps");
  return fs::is_directory(run.folder / "hf") &&
         (steps.empty() || run.last_step >= std::strtod(steps.c_str(), nullptr));
}

RunState StateOf(const TrainingRun& run) {
  const std::optional<bool> written = IsBeingWritten(run.folder / "metrics.jsonl");
  if (written.value_or(false)) return RunState::kTraining;
  if (IsWhole(run)) return RunState::kFinished;
  return written.has_value() ? RunState::kStopped : RunState::kTraining;
}

}  // namespace

std::string TrainingRun::Key(const std::string& wanted) const {
  for (const auto& [key, value] : recipe) {
    if (key == wanted) return value;
  }
  return "";
}

const StepSeries& TrainingRun::Metric(const std::string& field) const {
  static const StepSeries kNone;
  const auto found = metrics.find(field);
  return found == metrics.end() ? kNone : found->second;
}

bool IsTrainingRun(const fs::path& folder) { return fs::is_regular_file(folder / "metrics.jsonl"); }

bool IsTraining(const fs::path& folder) {
  const std::optional<bool> written = IsBeingWritten(folder / "metrics.jsonl");
  return written ? *written : ReadTrainingRun(folder, "").state == RunState::kTraining;
}

TrainingRun ReadTrainingRun(const fs::path& folder, const std::string& name) {
  TrainingRun run{.name = name, .folder = folder};
  if (fs::exists(folder / "recipe.yaml")) run.recipe = FlatYaml(folder / "recipe.yaml");
  ReadMetrics(folder / "metrics.jsonl", run);
  run.state = StateOf(run);
  return run;
}

std::vector<std::pair<std::string, std::vector<std::string>>> RecipeDifferences(
    const std::vector<TrainingRun>& runs) {
  std::vector<std::string> keys;
  for (const TrainingRun& run : runs) {
    for (const auto& [key, ignored] : run.recipe) {
      const bool known = std::find(keys.begin(), keys.end(), key) != keys.end();
      if (!known && key != "output") keys.push_back(key);
    }
  }
  std::vector<std::pair<std::string, std::vector<std::string>>> differences;
  for (const std::string& key : keys) {
    std::vector<std::string> values;
    for (const TrainingRun& run : runs) values.push_back(run.Key(key));
    const bool equal = std::all_of(values.begin(), values.end(),
                                   [&](const std::string& value) { return value == values[0]; });
    if (!equal) differences.emplace_back(key, std::move(values));
  }
  return differences;
}

}  // namespace meap
