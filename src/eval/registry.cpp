#include "eval/registry.h"

#include <algorithm>

#include "core/error.h"
#include "core/strings.h"

namespace meap {
namespace {

/// The group of all groups that the paper has tables of.
constexpr const char* kPaper = "paper";

bool InPaper(const std::string& group) {
  return group == "commonsense" || group == "long_context" || group == "summaries";
}

/// The groups of the paper's tables; of a task's many forms the standard one stands in its group.
std::string GroupOf(const std::string& name) {
  if (name == "xsum" || name == "multi_news" || name == "wikisum") return "summaries";
  for (const char* standard : {"needle", "mdqa20", "mdqa10", "kv75", "mrs"}) {
    if (name == standard) return "long_context";
  }
  return {};
}

}  // namespace

void CheckFewShotNames(const std::vector<ChosenTask>& tasks, const EvalInputs& inputs) {
  std::vector<std::string> takers;
  std::vector<std::string> others;
  for (const ChosenTask& chosen : tasks) {
    (chosen.task->takes_few_shot() ? takers : others).push_back(chosen.task->info().name);
  }
  const auto has = [](const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  for (const auto& [name, file] : inputs.few_shot_files) {
    if (has(takers, name)) continue;
    const std::string nearest = NearestName(name, takers);
    const std::string hint = nearest.empty() ? "" : "did you mean " + nearest + "?";
    throw InputError({.what = "few-shot examples for what takes none",
                      .where = "--fewshot " + name + "=" + file.string(),
                      .expected = "a multiple-choice task of --tasks" +
                                  (takers.empty() ? "" : ": " + Join(takers, ", ")),
                      .got = has(others, name) ? name + ", which is no multiple choice"
                                               : name + ", which is not among --tasks",
                      .hint = hint});
  }
}

TaskRegistry::TaskRegistry() {
  entries_.push_back({"perplexity", {}, [] { return MakePerplexityTask(); }});
  for (const TaskDescription& description : BuiltInTasks()) Add(description, description.name());
  for (const TaskInfo& info : GenerationTasks()) {
    entries_.push_back({info.name, GroupOf(info.name), [info]() -> std::unique_ptr<EvalTask> {
                          return MakeAnswerTask(info, MakeGenerationTask(info.name));
                        }});
  }
}

void TaskRegistry::Add(const TaskDescription& description, const std::string& where) {
  if (Find(description.name()) != nullptr) {
    throw InputError({.what = "there is a task " + description.name() + " already",
                      .where = where,
                      .hint = "give it another name"});
  }
  Entry entry{description.name(), description.group, {}};
  if (const auto* choices = std::get_if<ChoiceTemplate>(&description.task)) {
    entry.make = [task = *choices] { return MakeChoiceTask(task); };
  } else {
    entry.make = [task = std::get<AnswerTemplate>(description.task)] {
      return MakeAnswerTask(InfoOf(task), MakeTemplateTask(task));
    };
  }
  entries_.push_back(std::move(entry));
}

void TaskRegistry::AddFiles(const fs::path& path) {
  for (const TaskDescription& description : ReadTaskFiles(path)) Add(description, path.string());
}

const TaskRegistry::Entry* TaskRegistry::Find(const std::string& name) const {
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const Entry& entry) { return entry.name == name; });
  return found == entries_.end() ? nullptr : &*found;
}

void TaskRegistry::CheckName(const std::string& name) const {
  std::vector<std::string> known;
  for (const auto& [group, ignored] : Groups()) known.push_back(group);
  for (const Entry& entry : entries_) known.push_back(entry.name);
  if (std::find(known.begin(), known.end(), name) != known.end()) return;
  const std::string nearest = NearestName(name, known);
  throw InputError({.what = "unknown task \"" + name + "\"",
                    .where = "--tasks",
                    .expected = nearest.empty() ? "one of " + Join(known, ", ") : "",
                    .hint = nearest.empty() ? "`meap eval --list` shows all tasks"
                                            : "did you mean " + nearest + "?"});
}

std::vector<ChosenTask> TaskRegistry::Choose(const std::vector<std::string>& names) const {
  std::vector<ChosenTask> chosen;
  std::vector<std::string> taken;
  for (const std::string& name : names) {
    CheckName(name);
    for (const Entry& entry : entries_) {
      const bool by_group =
          !entry.group.empty() && (entry.group == name || (name == kPaper && InPaper(entry.group)));
      if (entry.name != name && !by_group) continue;
      if (std::find(taken.begin(), taken.end(), entry.name) != taken.end()) continue;
      taken.push_back(entry.name);
      chosen.push_back({entry.make(), by_group});
    }
  }
  return chosen;
}

std::vector<TaskInfo> TaskRegistry::Tasks() const {
  std::vector<TaskInfo> infos;
  for (const Entry& entry : entries_) infos.push_back(entry.make()->info());
  return infos;
}

std::vector<std::pair<std::string, std::vector<std::string>>> TaskRegistry::Groups() const {
  std::vector<std::pair<std::string, std::vector<std::string>>> groups;
  for (const Entry& entry : entries_) {
    if (entry.group.empty()) continue;
    auto found = std::find_if(groups.begin(), groups.end(),
                              [&](const auto& group) { return group.first == entry.group; });
    if (found == groups.end()) found = groups.insert(groups.end(), {entry.group, {}});
    found->second.push_back(entry.name);
  }
  std::vector<std::string> paper;
  for (const auto& [group, ignored] : groups) {
    if (InPaper(group)) paper.push_back(group);
  }
  groups.emplace_back(kPaper, std::move(paper));
  return groups;
}

}  // namespace meap
