#include "compare/runs.h"

#include <algorithm>
#include <map>

#include "core/error.h"

namespace meap {
namespace {

using Json = nlohmann::ordered_json;

[[noreturn]] void NotResults(const fs::path& file, const std::string& got) {
  throw InputError({.what = "not a results file",
                    .where = file.string(),
                    .expected = "what `meap eval --output` or `meap judge --output` writes",
                    .got = got});
}

/// True when every task's results are an object with numbers (or null) in it.
bool HasResults(const Json& run) {
  const auto results = run.find("results");
  if (results == run.end() || !results->is_object()) return false;
  return std::all_of(results->begin(), results->end(), [](const Json& task) {
    return task.is_object() && std::all_of(task.begin(), task.end(), [](const Json& value) {
             return value.is_number() || value.is_null();
           });
  });
}

/// Settings that may differ between fair runs.
bool IsHarmless(const std::string& setting) {
  return setting == "threads" || setting == "versions" || setting == "device" ||
         setting == "seconds" || setting == "tasks" || setting == "batch_tokens";
}

void AddDifferent(const Json& first, const Json& other, const std::string& where,
                  std::vector<DifferentSetting>& differences) {
  for (const auto& [name, value] : first.items()) {
    if (IsHarmless(name) || !other.contains(name) || other.at(name) == value) continue;
    if (name == "task_settings") {
      AddDifferent(value, other.at(name), "of the task ", differences);
    } else {
      differences.push_back({where + name, value, other.at(name)});
    }
  }
}

/// Reads each samples file once, whatever the number of runs in it.
class SampleFiles {
 public:
  std::vector<EvalSample> Of(const fs::path& file, const std::string& model) {
    auto found = files_.find(file.string());
    if (found == files_.end()) found = files_.emplace(file.string(), ReadSamples(file)).first;
    std::vector<EvalSample> samples;
    for (const EvalSample& sample : found->second) {
      if (sample.model == model) samples.push_back(sample);
    }
    return samples;
  }

 private:
  std::map<std::string, std::vector<EvalSample>> files_;
};

}  // namespace

Json ResultsDocument(const Json& runs) {
  Json document = runs.at(0);
  if (runs.size() > 1) document["runs"] = runs;
  return document;
}

std::vector<EvalRun> ReadRuns(std::span<const fs::path> files) {
  std::vector<EvalRun> runs;
  SampleFiles sample_files;
  for (const fs::path& file : files) {
    const Json document = Json::parse(ReadFile(file, "results file"), nullptr, false);
    if (!document.is_object()) NotResults(file, "no JSON object");
    const Json list = document.contains("runs") ? document["runs"] : Json::array({document});
    if (!list.is_array()) NotResults(file, "\"runs\" that is no array");
    for (const Json& object : list) {
      if (!object.is_object() || !HasResults(object)) {
        NotResults(file, "no \"results\" with an object of numbers for each task");
      }
      for (const char* key : {"name", "model", "model_hash"}) {
        if (object.contains(key) && !object.at(key).is_string()) {
          NotResults(file, std::string("a \"") + key + "\" that is no text");
        }
      }
      const std::string own_name = object.value("name", file.stem().string());
      EvalRun run{own_name, file, object, {}};
      if (const auto samples = object.find("samples");
          samples != object.end() && samples->is_string()) {
        const fs::path path = file.parent_path() / samples->get<std::string>();
        run.samples = sample_files.Of(path, own_name);
      }
      runs.push_back(std::move(run));
    }
  }
  return runs;
}

std::vector<DifferentSetting> DifferingSettings(const EvalRun& first, const EvalRun& other) {
  std::vector<DifferentSetting> differences;
  AddDifferent(first.object.value("settings", Json::object()),
               other.object.value("settings", Json::object()), "", differences);
  return differences;
}

void MakeNamesDifferent(std::vector<EvalRun>& runs) {
  std::vector<std::string> taken;
  for (EvalRun& run : runs) {
    run.name = UniqueName(run.name, taken);
    taken.push_back(run.name);
  }
}

}  // namespace meap
