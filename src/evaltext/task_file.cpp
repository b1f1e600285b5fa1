#include "evaltext/task_file.h"

#include <algorithm>

#include "config/yaml_reader.h"
#include "core/error.h"
#include "core/strings.h"
#include "evaltext/template.h"

namespace meap {
namespace {

/// Every key that a task file may have.
struct TaskOptions {
  std::string name, kind, group, summary, data;
  std::string context, choices_field, gold, gold_labels, cloze, clean = "none";
  std::vector<std::string> choices, metrics;
  int64_t gold_base = 0;
  std::string prompt, answers, stop, shorten;
  int64_t max_new_tokens = 64;
  std::vector<std::string> breakdown;

  void Describe(OptionVisitor& visitor) {
    DescribeCommon(visitor);
    DescribeChoices(visitor);
    DescribeAnswers(visitor);
  }

  void DescribeCommon(OptionVisitor& visitor) {
    visitor.Visit("name", name, {.help = "What --tasks calls it"});
    visitor.Visit("kind", kind,
                  {.help = "Choices by log-likelihood, or answers in words",
                   .choices = {"multiple_choice", "generation"}});
    visitor.Visit("group", group, {.help = "A name for several tasks together"});
    visitor.Visit("summary", summary, {.help = "One line for --list"});
    visitor.Visit("data", data,
                  {.help = "File under --data without .jsonl, .jsonl.gz or .jsonl.zst"});
    visitor.Visit("metrics", metrics,
                  {.help = "acc, acc_norm, acc_bytes; or " + Join(AnswerMetrics(), ", ")});
    visitor.Visit("breakdown", breakdown, {.help = "Fields to group scores by"});
  }

  void DescribeChoices(OptionVisitor& visitor) {
    visitor.Visit("context", context,
                  {.help = "multiple_choice: template of what stands before a choice"});
    visitor.Visit("choices", choices, {.help = "multiple_choice: a template for each choice"});
    visitor.Visit("choices_field", choices_field,
                  {.help = "multiple_choice: field with an array of choices, instead"});
    visitor.Visit("gold", gold, {.help = "multiple_choice: field with the right choice"});
    visitor.Visit("gold_base", gold_base,
                  {.help = "multiple_choice: number of the first choice", .min = 0, .max = 1});
    visitor.Visit("gold_labels", gold_labels,
                  {.help = "multiple_choice: field with an array of labels, of which gold is one"});
    visitor.Visit("cloze", cloze,
                  {.help = "multiple_choice: field with a sentence whose first \"_\" the choices "
                           "fill; what follows it is scored"});
    visitor.Visit(
        "clean", clean,
        {.help = "multiple_choice: cleaning of raw items", .choices = {"none", "hellaswag"}});
  }

  void DescribeAnswers(OptionVisitor& visitor) {
    visitor.Visit("prompt", prompt, {.help = "generation: template"});
    visitor.Visit("answers", answers,
                  {.help = "generation: field with the right answer or an array of them"});
    visitor.Visit("max_new_tokens", max_new_tokens,
                  {.help = "generation: longest answer", .unit = "tokens", .min = 1, .max = 1e6});
    visitor.Visit("stop", stop, {.help = "generation: text that ends the answer"});
    visitor.Visit("shorten", shorten,
                  {.help = "generation: field of the prompt that loses its middle when the prompt "
                           "is too long; without it the item is skipped"});
  }
};

[[noreturn]] void Missing(const std::string& key, const std::string& where) {
  throw InputError({.what = "a task file needs " + key,
                    .where = where,
                    .hint = "`meap eval --list` shows the keys of task files"});
}

void CheckMetrics(const std::vector<std::string>& metrics, const std::vector<std::string>& known,
                  const OptionSource& source) {
  for (const std::string& metric : metrics) {
    if (std::find(known.begin(), known.end(), metric) != known.end()) continue;
    const std::string nearest = NearestName(metric, known);
    throw InputError({.what = "unknown metric " + metric,
                      .where = source.Place("metrics"),
                      .expected = Join(known, ", "),
                      .hint = nearest.empty() ? "" : "did you mean " + nearest + "?"});
  }
}

/// A template's braces, with the place of the key in the error.
void CheckTemplate(const std::string& text, const std::string& key, const OptionSource& source) {
  try {
    TemplateFields(text);
  } catch (const InputError& error) {
    ErrorParts parts = error.parts();
    parts.got = text;
    parts.where = source.Place(key);
    throw InputError(parts);
  }
}

ChoiceTemplate ToChoices(const TaskOptions& options, const OptionSource& source,
                         const std::string& where) {
  if (options.context.empty() == options.cloze.empty()) Missing("one of context and cloze", where);
  if (options.choices.empty() == options.choices_field.empty()) {
    Missing("one of choices and choices_field", where);
  }
  if (options.gold.empty()) Missing("gold", where);
  CheckTemplate(options.context, "context", source);
  for (const std::string& choice : options.choices) CheckTemplate(choice, "choices", source);
  ChoiceTemplate task{.name = options.name,
                      .summary = options.summary,
                      .folder = fs::path(options.data).parent_path().string(),
                      .file = fs::path(options.data).filename().string(),
                      .context = options.context,
                      .choices = options.choices,
                      .choices_field = options.choices_field,
                      .gold = options.gold,
                      .gold_base = options.gold_base,
                      .gold_labels = options.gold_labels,
                      .cloze = options.cloze,
                      .hellaswag = options.clean == "hellaswag",
                      .breakdown = options.breakdown};
  if (!options.metrics.empty()) task.metrics = options.metrics;
  CheckMetrics(task.metrics, {"acc", "acc_norm", "acc_bytes"}, source);
  return task;
}

AnswerTemplate ToAnswers(const TaskOptions& options, const OptionSource& source,
                         const std::string& where) {
  if (options.prompt.empty()) Missing("prompt", where);
  if (options.answers.empty()) Missing("answers", where);
  CheckTemplate(options.prompt, "prompt", source);
  AnswerTemplate task{.name = options.name,
                      .summary = options.summary,
                      .folder = fs::path(options.data).parent_path().string(),
                      .file = fs::path(options.data).filename().string(),
                      .prompt = options.prompt,
                      .answers = options.answers,
                      .max_new_tokens = options.max_new_tokens,
                      .stop = options.stop,
                      .shorten = options.shorten,
                      .breakdown = options.breakdown};
  if (!options.metrics.empty()) task.metrics = options.metrics;
  CheckMetrics(task.metrics, AnswerMetrics(), source);
  const std::vector<std::string> fields = TemplateFields(task.prompt);
  if (!task.shorten.empty() &&
      std::find(fields.begin(), fields.end(), task.shorten) == fields.end()) {
    throw InputError({.what = "shorten names no field of the prompt",
                      .where = source.Place("shorten"),
                      .expected = "one of " + Join(fields, ", "),
                      .got = task.shorten});
  }
  return task;
}

TaskDescription ToDescription(const OptionSource& source, const std::string& where) {
  TaskOptions options;
  source.Apply(options);
  for (const auto& [key, value] :
       {std::pair{"name", &options.name}, {"kind", &options.kind}, {"data", &options.data}}) {
    if (value->empty()) Missing(key, where);
  }
  const bool answers = options.kind == "generation";
  OptionLister other;
  answers ? options.DescribeChoices(other) : options.DescribeAnswers(other);
  for (const OptionText& option : other.options()) {
    if (!source.Has(option.name)) continue;
    throw InputError(
        {.what = "the key " + option.name + " is not for tasks of kind " + options.kind,
         .where = source.Place(option.name)});
  }
  if (answers) return {options.group, ToAnswers(options, source, where)};
  return {options.group, ToChoices(options, source, where)};
}

}  // namespace

const std::string& TaskDescription::name() const {
  return std::visit([](const auto& one) -> const std::string& { return one.name; }, task);
}

TaskDescription ReadTaskFile(const fs::path& file) {
  OptionSource source("task file");
  source.AddFile(file);
  return ToDescription(source, file.string());
}

std::vector<TaskDescription> ReadTaskFiles(const fs::path& path) {
  if (!fs::is_directory(path)) return {ReadTaskFile(path)};
  std::vector<fs::path> files;
  for (const fs::directory_entry& entry : fs::directory_iterator(path)) {
    const fs::path extension = entry.path().extension();
    if (extension == ".yaml" || extension == ".yml") files.push_back(entry.path());
  }
  if (files.empty()) {
    throw InputError({.what = "no task files", .where = path.string(), .expected = "*.yaml"});
  }
  std::sort(files.begin(), files.end());
  std::vector<TaskDescription> tasks;
  for (const fs::path& file : files) tasks.push_back(ReadTaskFile(file));
  return tasks;
}

const std::vector<TaskDescription>& BuiltInTasks() {
  static const std::vector<TaskDescription> tasks = [] {
    std::vector<TaskDescription> list;
    for (const auto& [name, text] : internal::BuiltInTaskFiles()) {
      OptionSource source("task file");
      source.AddText(text, name);
      list.push_back(ToDescription(source, name));
    }
    return list;
  }();
  return tasks;
}

std::vector<OptionText> TaskFileKeys() {
  OptionLister lister;
  TaskOptions().Describe(lister);
  return lister.options();
}

}  // namespace meap
