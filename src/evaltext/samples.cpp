#include "evaltext/samples.h"

#include <algorithm>
#include <map>

#include "core/error.h"
#include "evaltext/data_items.h"
#include "evaltext/statistics.h"

namespace meap {
namespace {

using Json = nlohmann::ordered_json;

/// One cell of a breakdown: the group's values and the samples that have them.
struct Cell {
  Json key;
  std::vector<const EvalSample*> samples;
};

void AddMetrics(std::span<const EvalSample* const> samples, Json& out) {
  if (samples.empty()) return;
  const Metrics& names = samples.front()->metrics;
  for (size_t m = 0; m < names.size(); ++m) {
    std::vector<double> values;
    for (const EvalSample* sample : samples) {
      MEAP_CHECK(
          sample->metrics.size() == names.size() && sample->metrics[m].first == names[m].first,
          "samples of a task have the same metrics");
      values.push_back(sample->metrics[m].second);
    }
    const MeanError mean = MeanAndError(values);
    out[names[m].first] = mean.mean;
    out[names[m].first + "_stderr"] =
        mean.stderr_of_mean ? Json(*mean.stderr_of_mean) : Json(nullptr);
  }
}

Json Breakdown(const std::vector<std::string>& fields, std::span<const EvalSample* const> samples) {
  std::map<Json, std::vector<const EvalSample*>> cells;  // JSON orders numbers as numbers
  for (const EvalSample* sample : samples) {
    Json key = Json::array();
    for (const std::string& field : fields) key.push_back(sample->group.value(field, Json()));
    cells[key].push_back(sample);
  }
  Json table = {{"by", fields}, {"cells", Json::array()}};
  for (const auto& [key, members] : cells) {
    Json cell = Json::object();
    for (size_t f = 0; f < fields.size(); ++f) cell[fields[f]] = key[f];
    cell["n"] = members.size();
    AddMetrics(members, cell);
    table["cells"].push_back(std::move(cell));
  }
  return table;
}

EvalSample ParseSample(const DataItem& line) {
  const Json& object = line.object();
  EvalSample sample;
  sample.model = line.Text("model");
  sample.task = line.Text("task");
  sample.id = line.Text("id");
  sample.item = line.Find("item") != nullptr ? line.Text("item") : sample.id;
  if (line.Find("prompt_hash") != nullptr) sample.prompt_hash = line.Text("prompt_hash");
  if (line.Find("skipped") != nullptr) sample.skipped = line.Text("skipped");
  const auto* metrics = line.Find("metrics");
  if (metrics == nullptr || !metrics->is_object()) {
    line.Fail("metrics", "an object of numbers, as samples.jsonl has it");
  }
  for (const auto& [name, value] : object.at("metrics").items()) {
    if (!value.is_number()) line.Fail("metrics", "an object of numbers");
    sample.metrics.emplace_back(name, value.get<double>());
  }
  if (const auto* group = line.Find("group"); group != nullptr) {
    if (!group->is_object()) line.Fail("group", "an object");
    sample.group = object.at("group");
  }
  for (const auto& [name, value] : object.items()) {
    constexpr std::string_view kKnown[] = {"model", "task",    "id",      "item",
                                           "group", "metrics", "skipped", "prompt_hash"};
    if (std::find(std::begin(kKnown), std::end(kKnown), name) == std::end(kKnown)) {
      sample.extra[name] = value;
    }
  }
  return sample;
}

}  // namespace

std::string SampleLine(const EvalSample& sample) {
  Json line = {
      {"model", sample.model}, {"task", sample.task}, {"id", sample.id}, {"item", sample.item}};
  if (!sample.group.empty()) line["group"] = sample.group;
  line["metrics"] = Json::object();
  for (const auto& [name, value] : sample.metrics) line["metrics"][name] = value;
  if (!sample.skipped.empty()) line["skipped"] = sample.skipped;
  line["prompt_hash"] = sample.prompt_hash;
  for (const auto& [name, value] : sample.extra.items()) line[name] = value;
  return line.dump(-1, ' ', true, Json::error_handler_t::replace);
}

std::vector<EvalSample> ReadSamples(const fs::path& file) {
  std::vector<EvalSample> samples;
  for (const DataItem& line : ReadDataItems(file)) samples.push_back(ParseSample(line));
  return samples;
}

TaskSummary Summarize(std::span<const EvalSample> samples) {
  TaskSummary summary;
  std::vector<const EvalSample*> scored;
  std::string hashes;
  for (const EvalSample& sample : samples) {
    hashes += sample.prompt_hash;
    if (sample.skipped.empty()) scored.push_back(&sample);
  }
  summary.n = scored.size();
  summary.prompt_hash = PromptHash(hashes);
  summary.counts = {{"items", samples.size()},
                    {"scored", scored.size()},
                    {"skipped", samples.size() - scored.size()}};
  AddMetrics(scored, summary.results);
  if (scored.empty() || scored.front()->group.empty()) return summary;
  std::vector<std::string> fields;
  for (const auto& [name, ignored] : scored.front()->group.items()) fields.push_back(name);
  summary.breakdowns.push_back(Breakdown(fields, scored));
  if (fields.size() > 1) {
    for (const std::string& field : fields) {
      summary.breakdowns.push_back(Breakdown({field}, scored));
    }
  }
  return summary;
}

std::string SkippedText(std::span<const EvalSample> samples) {
  std::map<std::string, size_t> reasons;
  size_t scored = 0;
  for (const EvalSample& sample : samples) {
    if (sample.skipped.empty()) {
      ++scored;
    } else {
      ++reasons[sample.skipped.substr(0, sample.skipped.find(':'))];
    }
  }
  if (reasons.empty()) return {};
  std::string text = std::to_string(scored) + " of " + std::to_string(samples.size()) + " scored";
  for (const auto& [reason, count] : reasons) {
    text += ", " + std::to_string(count) + " skipped: " + reason;
  }
  return text;
}

std::string PromptHash(std::string_view prompt) { return HashHex(prompt.data(), prompt.size()); }

std::string PromptHash(std::span<const std::string> texts) {
  std::string all;
  for (const std::string& text : texts) all += std::to_string(text.size()) + ":" + text;
  return PromptHash(all);
}

std::string ModelName(const fs::path& model, const std::vector<std::string>& taken) {
  fs::path folder = fs::absolute(model).lexically_normal();
  if (!folder.has_filename()) folder = folder.parent_path();
  if (folder.filename() == "hf" && folder.parent_path().has_filename()) {
    folder = folder.parent_path();
  }
  return UniqueName(folder.filename().string(), taken);
}

std::string UniqueName(const std::string& wanted, const std::vector<std::string>& taken) {
  std::string name = wanted;
  for (int number = 2; std::find(taken.begin(), taken.end(), name) != taken.end(); ++number) {
    name = wanted + "-" + std::to_string(number);
  }
  return name;
}

}  // namespace meap
