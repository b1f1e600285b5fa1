#include "experiment/cell_result.h"

#include <fmt/format.h>

#include <algorithm>

#include "evaltext/running_text.h"

namespace meap {
namespace {

using Json = nlohmann::ordered_json;

Json ReadJson(const fs::path& path, const char* purpose) {
  Json json = Json::parse(ReadFile(path, purpose), nullptr, false);
  if (json.is_object()) return json;
  throw InputError({.what = std::string("no ") + purpose,
                    .where = path.string(),
                    .expected = "a JSON object",
                    .hint = "remove the file; the stage then runs again"});
}

/// Of the summary's numbers, losses say how good the model is; the others, how the run was.
void AddTraining(const Json& summary, CellResult& result) {
  for (const auto& [key, value] : summary.items()) {
    if (value.is_number() && key.ends_with("loss")) {
      result.metrics.emplace_back(key, value.get<double>());
    }
  }
  result.tokens = summary.value("tokens", int64_t{0});
  result.train_seconds = summary.value("train_seconds", 0.0);
}

void AddEvaluation(const Json& results, const fs::path& samples, CellResult& result) {
  for (const auto& [task, metrics] : results.at("results").items()) {
    for (const auto& [metric, value] : metrics.items()) {
      if (!value.is_number() || metric.ends_with("_stderr")) continue;
      result.metrics.emplace_back(task + "." + metric, value.get<double>());
    }
  }
  if (!fs::exists(samples)) return;
  for (const EvalSample& sample : ReadSamples(samples)) {
    if (TextSumsOf(sample)) continue;  // figures over all text are no means of items
    for (const auto& [metric, value] : sample.metrics) {
      const std::string name = sample.task + "." + metric;
      result.samples[name][sample.id] = value;
      result.items[sample.task + "/" + sample.id] = sample.item;
    }
  }
}

/// Figures under "results" of an attention report with one model.
void AddAttention(const Json& report, const std::vector<std::string>& names, CellResult& result) {
  const Json& results = report.at("runs").at(0).at("results");
  for (const Json& part : results) {
    std::string where;
    if (results.size() > 1) {
      where = "@" + part.at("length").dump();
      if (part.contains("ratio")) where += "/" + part.at("ratio").dump();
    }
    for (const std::string& name : names) {
      result.metrics.emplace_back(name + where, part.at(name).at("value").get<double>());
    }
  }
}

void AddStage(const Json& json, const fs::path& samples, CellResult& result) {
  const std::string format = json.value("format", "");
  if (format == "meap-results-1") {
    AddEvaluation(json, samples, result);
  } else if (format == "meap-attention-decay-1") {
    AddAttention(json, {"decay", "variance_increase"}, result);
  } else if (format == "meap-attention-profile-1") {
    AddAttention(json, {"entropy", "first_token"}, result);
  } else if (json.contains("segments")) {
    for (const Json& segment : json["segments"]) {
      result.metrics.emplace_back("share." + segment.at("name").get<std::string>(),
                                  segment.at("share").get<double>());
    }
  }
}

}  // namespace

const double* CellResult::Find(const std::string& metric) const {
  const auto found = std::find_if(metrics.begin(), metrics.end(),
                                  [&](const auto& entry) { return entry.first == metric; });
  return found == metrics.end() ? nullptr : &found->second;
}

CellResult ReadCell(const ExperimentFile& file, const Cell& cell) {
  const CellFiles files(file, cell);
  CellResult result{.cell = cell, .metrics = {}};
  AddTraining(ReadJson(files.training(), "training summary"), result);
  for (const auto& words : file.evaluate) {
    AddStage(ReadJson(files.result(words), "evaluation"), files.samples(words), result);
  }
  return result;
}

}  // namespace meap
