#include "page/eval_groups.h"

#include <algorithm>

namespace meap {
namespace {

using Json = nlohmann::ordered_json;

bool ShareATask(const EvalRun& a, const EvalRun& b) {
  const Json& tasks = a.object.at("results");
  return std::any_of(tasks.items().begin(), tasks.items().end(),
                     [&](const auto& task) { return b.object.at("results").contains(task.key()); });
}

bool AreOneModel(const EvalRun& a, const EvalRun& b) {
  const auto same = [&](const char* key) {
    return a.object.value(key, Json()) == b.object.value(key, Json());
  };
  return a.name == b.name && same("model") && same("model_hash") && DifferingSettings(a, b).empty();
}

/// Adds the tasks of `from` to `run`.
void Join(EvalRun& run, EvalRun&& from) {
  for (const auto& [key, value] : from.object.items()) {
    Json& mine = run.object[key];
    if (mine.is_null()) mine = value;  // the file's first calibration stays
    if (mine.is_object() && key != "calibration") mine.update(value, /*merge_objects=*/true);
  }
  run.samples.insert(run.samples.end(), std::make_move_iterator(from.samples.begin()),
                     std::make_move_iterator(from.samples.end()));
}

}  // namespace

std::vector<EvalRun> JoinedByModel(std::vector<EvalRun> runs) {
  std::vector<EvalRun> joined;
  for (EvalRun& run : runs) {
    const auto with = std::find_if(joined.begin(), joined.end(), [&](const EvalRun& other) {
      return AreOneModel(other, run) && !ShareATask(other, run);
    });
    if (with == joined.end()) {
      joined.push_back(std::move(run));
    } else {
      Join(*with, std::move(run));
    }
  }
  return joined;
}

std::vector<std::vector<EvalRun>> ComparableGroups(std::vector<EvalRun> runs) {
  std::vector<size_t> group(runs.size());  // the first run of each one's group
  for (size_t r = 0; r < runs.size(); ++r) {
    group[r] = r;
    for (size_t other = 0; other < r; ++other) {
      if (group[other] == group[r] || !ShareATask(runs[other], runs[r])) continue;
      const size_t first = std::min(group[other], group[r]);
      const size_t second = std::max(group[other], group[r]);
      for (size_t member = 0; member <= r; ++member) {
        if (group[member] == second) group[member] = first;
      }
    }
  }
  std::vector<std::vector<EvalRun>> groups;
  for (size_t first = 0; first < runs.size(); ++first) {
    if (group[first] != first) continue;
    groups.emplace_back();
    for (size_t r = first; r < runs.size(); ++r) {
      if (group[r] == first) groups.back().push_back(std::move(runs[r]));
    }
  }
  return groups;
}

}  // namespace meap
