// Tasks as YAML files: the commonsense tasks are made of tasks/*.yaml, and users add their own.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "config/options.h"
#include "evaltext/choices.h"
#include "evaltext/template_task.h"

namespace meap {

/// A described task, and the group it also runs under ("" for none).
struct TaskDescription {
  std::string group;
  std::variant<ChoiceTemplate, AnswerTemplate> task;

  const std::string& name() const;
};

/// Reads a task file. Broken YAML, unknown keys (with the nearest known one), values that do not
/// fit, and what is missing: InputError with file, line and column.
TaskDescription ReadTaskFile(const fs::path& file);

/// Reads every .yaml and .yml of a folder, in order of their names; of a file, that file.
std::vector<TaskDescription> ReadTaskFiles(const fs::path& path);

/// The tasks that come with the program.
const std::vector<TaskDescription>& BuiltInTasks();

/// The keys of a task file, for help texts.
std::vector<OptionText> TaskFileKeys();

namespace internal {
/// Name and text of each file in tasks/, compiled in (cmake/Tasks.cmake).
std::span<const std::pair<const char*, const char*>> BuiltInTaskFiles();
}  // namespace internal

}  // namespace meap
