// Every task there is, by name: those of the paper, those of tasks/*.yaml, and the user's.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "eval/task.h"
#include "evaltext/task_file.h"

namespace meap {

/// A task to run. One that came through a group is left out when its data is not there.
struct ChosenTask {
  std::unique_ptr<EvalTask> task;
  bool by_group = false;
};

/// Refuses few-shot files for names that are no multiple-choice task among `tasks`, which would
/// change nothing: an InputError that names the nearest.
void CheckFewShotNames(const std::vector<ChosenTask>& tasks, const EvalInputs& inputs);

class TaskRegistry {
 public:
  /// With the tasks that come with the program.
  TaskRegistry();

  /// Adds the task files at `path` (a file or a folder). A name that is taken: InputError.
  void AddFiles(const fs::path& path);

  /// The tasks of these names and groups, each once, in order. An unknown name is an InputError
  /// that names the nearest.
  std::vector<ChosenTask> Choose(const std::vector<std::string>& names) const;

  /// Every task; every group with its tasks' names, last the group "paper" with its groups'.
  std::vector<TaskInfo> Tasks() const;
  std::vector<std::pair<std::string, std::vector<std::string>>> Groups() const;

 private:
  struct Entry {
    std::string name;
    std::string group;
    std::function<std::unique_ptr<EvalTask>()> make;
  };
  const Entry* Find(const std::string& name) const;
  void CheckName(const std::string& name) const;
  void Add(const TaskDescription& description, const std::string& where);

  std::vector<Entry> entries_;
};

}  // namespace meap
